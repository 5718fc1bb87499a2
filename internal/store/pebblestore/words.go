package pebblestore

import (
	"fmt"
	"maps"
	"slices"

	"github.com/cockroachdb/pebble/v2"

	"github.com/sluicehq/sluice/internal/destination"
	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/record"
)

// A word, see destination.Words, lies in table y with the key of the member that has
// it, and is written in the same step as the member. Whoever writes a member with
// words has the list for itself, so that nobody takes a word between a look at it and
// the write.

// storedWords returns the words of a member by its value in the database.
func storedWords(k destination.Kind, stored []byte) ([]string, error) {
	_, _, value, err := cutMemberValue(stored)
	if err != nil {
		return nil, err
	}
	words, err := destination.Words(k, value)
	if err != nil {
		return nil, fmt.Errorf("a member in the database: %w", err)
	}
	texts := make([]string, len(words))
	for i := range words {
		texts[i] = words[i].Text
	}
	return texts, nil
}

// claimOne adds what putting one member does to the words of its list; was is the
// member's value in the database, nil if it is not there.
func (s *Store) claimOne(b *pebble.Batch, k destination.Kind, list uint64, key string, was, value []byte) error {
	play, m := s.newWordsInPlay(k, list), contested{}
	if was != nil {
		var err error
		if m.words, err = storedWords(k, was); err != nil {
			return err
		}
	}
	why, err := play.claim(&m, []byte(key), value)
	if err != nil {
		return err
	}
	if why != nil {
		return fault.New(fault.AlreadyExists, "%s", why.Reason)
	}
	play.take(&m, []byte(key))
	return play.write(logged{b})
}

// releaseOne adds to b that a member, by its value in the database, gives up its words.
func (s *Store) releaseOne(b *pebble.Batch, k destination.Kind, list uint64, was []byte) error {
	words, err := storedWords(k, was)
	for _, w := range words {
		b.Delete(keyOfWord(list, w), nil)
	}
	return err
}

// wordsInPlay is the words that some changes are about: who had them, and who has them
// now. Its methods do nothing if it is nil, as it is where members have no words.
type wordsInPlay struct {
	s     *Store
	kind  destination.Kind
	list  uint64
	held  map[string]held
	asked []string // the words of the last claim
}

// held is who has a word: the key of a member, or nobody.
type held struct {
	was, is   string
	had, have bool
}

func (h held) changed() bool { return h.had != h.have || (h.have && h.was != h.is) }

func (s *Store) newWordsInPlay(k destination.Kind, list uint64) *wordsInPlay {
	return &wordsInPlay{s: s, kind: k, list: list, held: make(map[string]held)}
}

// claim tells why a member may not be put with a value.
func (p *wordsInPlay) claim(m *contested, key, value []byte) (*record.Refusal, error) {
	if p == nil {
		return nil, nil
	}
	words, err := destination.Words(p.kind, value)
	if err != nil {
		return nil, err
	}
	p.asked = p.asked[:0]
	for _, w := range words {
		h, err := p.holder(w.Text)
		if err != nil {
			return nil, err
		}
		if h.have && h.is != string(key) {
			return w.Taken, nil
		}
		p.asked = append(p.asked, w.Text)
	}
	return nil, nil
}

func (p *wordsInPlay) holder(word string) (held, error) {
	h, ok := p.held[word]
	if ok {
		return h, nil
	}
	owner, err := p.s.get(keyOfWord(p.list, word))
	if err != nil {
		return held{}, err
	}
	if owner != nil {
		h = held{was: string(owner), is: string(owner), had: true, have: true}
	}
	p.held[word] = h
	return h, nil
}

// take gives a member the words that it has just claimed for those that it had.
func (p *wordsInPlay) take(m *contested, key []byte) {
	if p == nil {
		return
	}
	p.release(m, key)
	for _, w := range p.asked {
		h := p.held[w]
		h.is, h.have = string(key), true
		p.held[w] = h
	}
	m.words = slices.Clone(p.asked)
}

// release takes a member's words from it.
func (p *wordsInPlay) release(m *contested, key []byte) {
	if p == nil {
		return
	}
	for _, w := range m.words {
		h, ok := p.held[w]
		if !ok {
			h.was, h.had = string(key), true
		}
		h.have = false
		p.held[w] = h
	}
	m.words = nil
}

// changed counts the words whose holder is another one now.
func (p *wordsInPlay) changed() int {
	if p == nil {
		return 0
	}
	n := 0
	for _, h := range p.held {
		if h.changed() {
			n++
		}
	}
	return n
}

// write writes the words whose holder is another one now.
func (p *wordsInPlay) write(to target) error {
	if p == nil {
		return nil
	}
	for _, w := range slices.Sorted(maps.Keys(p.held)) {
		h := p.held[w]
		if !h.changed() {
			continue
		}
		var err error
		if h.have {
			err = to.Set(keyOfWord(p.list, w), []byte(h.is))
		} else {
			err = to.Delete(keyOfWord(p.list, w))
		}
		if err != nil {
			return fmt.Errorf("write word: %w", err)
		}
	}
	return nil
}
