package qconnect

import (
	"encoding/json"
	"strings"
	"unicode/utf8"

	"github.com/sluicehq/sluice/internal/destination"
	"github.com/sluicehq/sluice/internal/search"
	"github.com/sluicehq/sluice/internal/store"
)

// documentOf is a response as a search sees it. modifier is who changed it last.
func documentOf(r *response, modifier string) search.Document {
	d := search.Document{
		ID: r.id, Created: r.created, Updated: r.updated, UpdatedBy: modifier,
		Name: r.Name, ShortcutKey: r.ShortcutKey, Content: r.Content, ContentType: r.ContentType,
		Description: r.Description, Language: r.Language, Channels: r.Channels, Active: r.Active,
	}
	if r.Grouping != nil {
		d.GroupingCriteria, d.GroupingValues = r.Grouping.Criteria, r.Grouping.Values
	}
	return d
}

// readResponse is responseOf for a search, several times as fast: of a hundred thousand
// responses that are looked at, a hundred are shown. Tags and input are left out.
func readResponse(m store.Member) (response, error) {
	r := response{id: m.Key, created: m.Created, updated: m.Updated}
	s := scanner{rest: string(m.Value)}
	if s.response(&r.QuickResponse); s.lost || s.rest != "" || !utf8.Valid(m.Value) {
		return responseOf(m)
	}
	return r, nil
}

// scanner reads JSON as QuickResponse.Encode writes it: without blanks, each member at
// most once and never null. At anything else it is lost, which does not mean that the
// text is wrong. It may fail to see that a text is not JSON.
type scanner struct {
	rest string
	lost bool
}

func (s *scanner) response(q *destination.QuickResponse) {
	s.object(func(name string) {
		switch name {
		case "name":
			q.Name = s.text()
		case "shortcutKey":
			q.ShortcutKey = s.text()
		case "content":
			q.Content = s.text()
		case "contentType":
			q.ContentType = s.text()
		case "description":
			q.Description = s.text()
		case "channels":
			q.Channels = s.texts()
		case "language":
			q.Language = s.text()
		case "active":
			q.Active = s.bool()
		case "grouping":
			s.lost = s.lost || q.Grouping != nil
			q.Grouping = new(destination.Grouping)
			s.grouping(q.Grouping)
		case "tags":
			s.object(func(string) { s.text() })
		case "input":
			s.text()
		default:
			s.lost = true
		}
	})
}

func (s *scanner) grouping(g *destination.Grouping) {
	s.object(func(name string) {
		switch name {
		case "criteria":
			g.Criteria = s.text()
		case "values":
			g.Values = s.texts()
		default:
			s.lost = true
		}
	})
}

// object reads an object; member reads the value of the member with a name.
func (s *scanner) object(member func(name string)) {
	if s.skip("{"); s.next("}") {
		return
	}
	for !s.lost {
		name := s.text()
		s.skip(":")
		member(name)
		if s.next("}") {
			return
		}
		s.skip(",")
	}
}

// texts reads an array of texts.
func (s *scanner) texts() []string {
	if s.skip("["); s.next("]") {
		return []string{}
	}
	var list []string
	for !s.lost {
		list = append(list, s.text())
		if s.next("]") {
			break
		}
		s.skip(",")
	}
	return list
}

func (s *scanner) bool() bool {
	if s.next("true") {
		return true
	}
	s.skip("false")
	return false
}

// text reads a text. One without escapes stays where it is.
func (s *scanner) text() string {
	s.skip(`"`)
	end := strings.IndexByte(s.rest, '"')
	if s.lost || end < 0 {
		s.lost = true
		return ""
	}
	if text := s.rest[:end]; strings.IndexByte(text, '\\') < 0 {
		s.rest = s.rest[end+1:]
		return text
	}
	for end = 0; end < len(s.rest) && s.rest[end] != '"'; end++ {
		if s.rest[end] == '\\' {
			end++
		}
	}
	var text string
	if end >= len(s.rest) || json.Unmarshal([]byte(`"`+s.rest[:end+1]), &text) != nil {
		s.lost = true
		return ""
	}
	s.rest = s.rest[end+1:]
	return text
}

// skip goes past what must come next.
func (s *scanner) skip(text string) {
	if !s.next(text) {
		s.lost = true
	}
}

// next goes past a text if it comes next, and tells whether it did.
func (s *scanner) next(text string) bool {
	rest, ok := strings.CutPrefix(s.rest, text)
	s.rest = rest
	return ok
}
