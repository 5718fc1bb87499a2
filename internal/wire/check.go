package wire

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/sluicehq/sluice/internal/fault"
)

// maxViolations bounds the text of a refusal: a list of a thousand bad tags is
// refused with the first few and their number.
const maxViolations = 10

// Checker collects the constraints that an input breaks. Generated code walks the
// input and says where it is; the zero value is ready. A value is never put into the
// text, for some are addresses or secrets.
type Checker struct {
	place []step
	found []violation
	count int
}

// step is one step on the way to a value: a member's name, or, when the name is
// empty, an element's index.
type step struct {
	name  string
	index int
}

type violation struct {
	place, rule string
}

// Text is what a model asks of a string. The zero value of each field asks nothing.
type Text struct {
	Min, Max int // in characters
	Pattern  *Pattern
	Enum     []string
}

// Size is what a model asks of a list or map; a zero Max is no limit.
type Size struct{ Min, Max int }

// Range is what a model asks of a number, both ends included.
type Range struct{ Min, Max int64 }

const (
	ruleNull  = "Member must not be null"
	ruleNUL   = "Member must not contain the character U+0000"
	ruleUnion = "Member must have exactly one of its members set"
)

func (c *Checker) push(name string) { c.place = append(c.place, step{name: name}) }
func (c *Checker) pushIndex(i int)  { c.place = append(c.place, step{index: i}) }
func (c *Checker) pop()             { c.place = c.place[:len(c.place)-1] }

// below returns the present place, or that of its member name unless that is empty.
func (c *Checker) below(name string) []step {
	if name == "" {
		return c.place
	}
	return append(slices.Clip(c.place), step{name: name})
}

// where writes a place as AWS does: "tags.1.member.key", members in lower camel
// case, elements counted from one.
func where(place []step) string {
	var b strings.Builder
	for i, s := range place {
		if i > 0 {
			b.WriteByte('.')
		}
		if s.name == "" {
			fmt.Fprintf(&b, "%d.member", s.index+1)
			continue
		}
		b.WriteString(strings.ToLower(s.name[:1]) + s.name[1:])
	}
	return b.String()
}

func (c *Checker) null(name string) { c.breaks(name, ruleNull) }

func (c *Checker) unless(ok bool, name, rule string) {
	if !ok {
		c.breaks(name, rule)
	}
}

// breaks notes that the member name of the present place, or the place itself when
// name is empty, breaks a rule. A value that is not there breaks that one rule only,
// and nothing below it breaks any.
func (c *Checker) breaks(name, rule string) {
	v := violation{where(c.below(name)), rule}
	for _, have := range c.found {
		if have == v || have.rule == ruleNull && (have.place == v.place || strings.HasPrefix(v.place, have.place+".")) {
			return
		}
	}
	c.count++
	if len(c.found) < maxViolations {
		c.found = append(c.found, v)
	}
}

// Err returns fault.Invalid with all that was found, in AWS's words, or nil.
func (c *Checker) Err() error {
	if c.count == 0 {
		return nil
	}
	var b strings.Builder
	noun := "errors"
	if c.count == 1 {
		noun = "error"
	}
	fmt.Fprintf(&b, "%d validation %s detected: ", c.count, noun)
	for i, v := range c.found {
		if i > 0 {
			b.WriteString("; ")
		}
		fmt.Fprintf(&b, "Value at '%s' failed to satisfy constraint: %s", v.place, v.rule)
	}
	return fault.New(fault.Invalid, "%s", b.String())
}

func atLeast(n int64) string { return "greater than or equal to " + strconv.FormatInt(n, 10) }
func atMost(n int64) string  { return "less than or equal to " + strconv.FormatInt(n, 10) }

// broken returns the rules that s breaks.
func (t *Text) broken(s string) []string {
	var rules []string
	if t.Min > 0 || t.Max > 0 {
		n := utf8.RuneCountInString(s)
		if t.Max > 0 && n > t.Max {
			rules = append(rules, "Member must have length "+atMost(int64(t.Max)))
		}
		if n < t.Min {
			rules = append(rules, "Member must have length "+atLeast(int64(t.Min)))
		}
	}
	if t.Pattern != nil && !t.Pattern.Match(s) {
		rules = append(rules, "Member must satisfy regular expression pattern: "+t.Pattern.source)
	}
	if t.Enum != nil && !slices.Contains(t.Enum, s) {
		rules = append(rules, "Member must satisfy enum value set: ["+strings.Join(t.Enum, ", ")+"]")
	}
	return rules
}

// Text checks a string that is there.
func (c *Checker) Text(name, s string, t *Text) {
	for _, rule := range t.broken(s) {
		c.breaks(name, rule)
	}
}

// OptText checks a string that may be absent.
func (c *Checker) OptText(name string, s *string, t *Text) {
	if s != nil {
		c.Text(name, *s, t)
	}
}

// OptEnum checks a word of an enumeration; "" is absent.
func (c *Checker) OptEnum(name, s string, t *Text) {
	if s != "" {
		c.Text(name, s, t)
	}
}

// Int checks a number that is there.
func (c *Checker) Int(name string, n int64, in Range) {
	c.unless(n <= in.Max, name, "Member must have value "+atMost(in.Max))
	c.unless(n >= in.Min, name, "Member must have value "+atLeast(in.Min))
}

// OptInt checks a number that may be absent.
func (c *Checker) OptInt(name string, n *int64, in Range) {
	if n != nil {
		c.Int(name, *n, in)
	}
}

// One checks that exactly one member of a union is set.
func (c *Checker) One(set ...bool) {
	n := 0
	for _, s := range set {
		if s {
			n++
		}
	}
	c.unless(n == 1, "", ruleUnion)
}

func (c *Checker) size(name string, n int, in Size) {
	c.unless(in.Max == 0 || n <= in.Max, name, "Member must have length "+atMost(int64(in.Max)))
	c.unless(n >= in.Min, name, "Member must have length "+atLeast(int64(in.Min)))
}

// Map checks a map's size, keys and values; key and value may be nil.
func (c *Checker) Map(name string, m map[string]string, need bool, in Size, key, value *Text) {
	if m == nil {
		c.unless(!need, name, ruleNull)
		return
	}
	c.size(name, len(m), in)
	for _, k := range slices.Sorted(maps.Keys(m)) { // in order, for a text that is always the same
		if key != nil {
			for _, rule := range key.broken(k) {
				c.breaks(name, "Map keys must satisfy constraint: ["+rule+"]")
			}
		}
		if value != nil {
			for _, rule := range value.broken(m[k]) {
				c.breaks(name, "Map values must satisfy constraint: ["+rule+"]")
			}
		}
	}
}

// CheckStruct checks a structure, and that it is there when it has to be.
func CheckStruct[T any](c *Checker, name string, x *T, need bool, check func(*T, *Checker)) {
	if x == nil {
		c.unless(!need, name, ruleNull)
		return
	}
	if check != nil {
		c.push(name)
		check(x, c)
		c.pop()
	}
}

// CheckList checks a list of structures.
func CheckList[T any](c *Checker, name string, list []T, need bool, in Size, check func(*T, *Checker)) {
	if list == nil {
		c.unless(!need, name, ruleNull)
		return
	}
	c.size(name, len(list), in)
	if check == nil {
		return
	}
	c.push(name)
	for i := range list {
		c.pushIndex(i)
		check(&list[i], c)
		c.pop()
	}
	c.pop()
}

// CheckTexts checks a list of strings; t may be nil.
func CheckTexts[T ~string](c *Checker, name string, list []T, need bool, in Size, t *Text) {
	var check func(*T, *Checker)
	if t != nil {
		check = func(s *T, c *Checker) { c.Text("", string(*s), t) }
	}
	CheckList(c, name, list, need, in, check)
}

// Pattern is a regular expression of a model. It matches a string as a whole,
// whether the model anchors it or not.
type Pattern struct {
	source string
	never  string // what the string must not begin with
	whole  *regexp.Regexp
}

// notPrefix is the one form of look-ahead that the models use, and that RE2 has not:
// a literal that the string must not begin with.
var notPrefix = regexp.MustCompile(`^\(\?!([A-Za-z0-9:_-]+)\)`)

// MustPattern compiles a model's pattern, and panics when it cannot.
func MustPattern(source string) *Pattern {
	p := &Pattern{source: source}
	rest := source
	if m := notPrefix.FindStringSubmatch(source); m != nil {
		p.never, rest = m[1], source[len(m[0]):]
	}
	p.whole = regexp.MustCompile(`\A(?:` + rest + `)\z`)
	return p
}

// Match reports whether s as a whole is what the pattern describes.
func (p *Pattern) Match(s string) bool {
	if p.never != "" && strings.HasPrefix(s, p.never) {
		return false
	}
	return p.whole.MatchString(s)
}
