package service

import (
	"maps"
	"slices"
	"strings"

	"github.com/sluicehq/sluice/internal/fault"
)

// TagMap turns an API's list of tags into a map. A key that comes twice has its last
// value.
func TagMap[T any](list []T, pair func(T) (key, value string)) map[string]string {
	tags := make(map[string]string, len(list))
	for _, t := range list {
		key, value := pair(t)
		tags[key] = value
	}
	return tags
}

// TagList turns a map of tags into an API's list, in the order of keys; it is never
// nil.
func TagList[T any](tags map[string]string, tag func(key, value string) T) []T {
	list := make([]T, 0, len(tags))
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		list = append(list, tag(key, tags[key]))
	}
	return list
}

// AddTags returns have with more put over it. More than most tags in all is
// fault.LimitExceeded; a key that begins with "aws:", whatever its case, is
// fault.Invalid: AWS keeps those for itself, see
// https://docs.aws.amazon.com/tag-editor/latest/userguide/best-practices-and-strats.html.
func AddTags(have, more map[string]string, most int) (map[string]string, error) {
	tags := make(map[string]string, len(have)+len(more))
	maps.Copy(tags, have)
	for key, value := range more {
		if len(key) >= 4 && strings.EqualFold(key[:4], "aws:") {
			return nil, fault.New(fault.Invalid, "tag key %q is reserved: it begins with aws:", key)
		}
		tags[key] = value
	}
	if len(tags) > most {
		return nil, fault.New(fault.LimitExceeded, "a resource has at most %d tags", most)
	}
	return tags, nil
}

// DropTags returns have without the given keys; a key that is not there is no error.
func DropTags(have map[string]string, keys []string) map[string]string {
	tags := maps.Clone(have)
	for _, key := range keys {
		delete(tags, key)
	}
	return tags
}
