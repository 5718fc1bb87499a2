package main

import (
	"fmt"
	"io"
	"strings"
	"time"
	"unicode"

	"golang.org/x/text/width"

	"github.com/sluicehq/sluice/internal/api/adminapi"
)

// tableWidth is how many columns of a terminal a table takes at most.
const tableWidth = 100

// jobTable lays jobs out in columns, in no more than a width. Names of lists and files
// share what the other columns leave.
type jobTable struct {
	width int
	rows  [][]string
	notes []string // below each row; empty for none
}

// The columns.
const (
	columnJob = iota
	columnList
	columnFile
	columnState
	columnRejected
	columnAge
	columnTook
	columns
)

const columnGap = "  "

func newJobTable(width int) *jobTable {
	return &jobTable{
		width: width,
		rows:  [][]string{{"JOB", "LIST", "FILE", "STATE", "REJECTED", "AGE", "TOOK"}},
		notes: []string{""},
	}
}

// add adds a job as it is at a time.
func (t *jobTable) add(j adminapi.Job, now time.Time) {
	row := make([]string, columns)
	row[columnJob] = printableText(j.ID)
	row[columnList] = orDash(printableText(nameOf(j.List)))
	row[columnFile] = orDash(printableText(j.File))
	row[columnState] = j.State
	row[columnRejected] = "-"
	if j.Processed > 0 {
		row[columnRejected] = compact(j.Rejected) + " of " + compact(j.Processed)
	}
	row[columnAge], row[columnTook] = "-", "-"
	if j.Created != nil {
		row[columnAge] = ageText(now.Sub(*j.Created))
	}
	if j.Started != nil {
		row[columnTook] = durationText(seconds(j.Seconds))
	}
	note := ""
	switch {
	case j.Error != "":
		note = "error: " + printableText(j.Error)
	case j.Waiting != "":
		note = "waiting: " + printableText(j.Waiting)
		if j.WaitingSince != nil {
			note += " for " + ageText(now.Sub(*j.WaitingSince))
		}
	}
	t.rows, t.notes = append(t.rows, row), append(t.notes, note)
}

func (t *jobTable) write(out io.Writer) error {
	widths := t.widths()
	var text strings.Builder
	for i, row := range t.rows {
		line := ""
		for c, cell := range row {
			if c > 0 {
				line += columnGap
			}
			if c == columnList || c == columnFile {
				cell = shortened(cell, widths[c])
			}
			space := strings.Repeat(" ", max(0, widths[c]-cellsOf(cell)))
			if c >= columnRejected {
				line += space + cell
			} else {
				line += cell + space
			}
		}
		text.WriteString(strings.TrimRight(line, " ") + "\n")
		if note := t.notes[i]; note != "" {
			text.WriteString(columnGap + cut(note, t.width-len(columnGap)) + "\n")
		}
	}
	_, err := io.WriteString(out, text.String())
	return err
}

// widths returns the widths of the columns.
func (t *jobTable) widths() [columns]int {
	var w [columns]int
	for _, row := range t.rows {
		for c, cell := range row {
			w[c] = max(w[c], cellsOf(cell))
		}
	}
	room := t.width - (columns-1)*len(columnGap)
	for c := range w {
		if c != columnList && c != columnFile {
			room -= w[c]
		}
	}
	room = max(room, 2*minNameWidth)
	if w[columnList]+w[columnFile] > room {
		// A column that needs less than half leaves the rest to the other.
		half := room / 2
		switch {
		case w[columnList] <= half:
			w[columnFile] = room - w[columnList]
		case w[columnFile] <= room-half:
			w[columnList] = room - w[columnFile]
		default:
			w[columnList], w[columnFile] = half, room-half
		}
	}
	return w
}

// minNameWidth is how wide the columns of names are at least, whatever else there is.
const minNameWidth = 8

// nameOf returns what people call a list.
func nameOf(l adminapi.List) string {
	if l.Name != "" {
		return l.Name
	}
	return l.ID
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// shortened cuts the middle out of a text that is wider than a width: names often differ
// at their ends.
func shortened(s string, width int) string {
	if cellsOf(s) <= width {
		return s
	}
	head := cut(s, (width+1)/2)
	runes := []rune(s)
	tail, free := len(runes), width-cellsOf(head)
	for tail > 0 && cellsOf(string(runes[tail-1:])) <= free {
		tail--
	}
	return head + string(runes[tail:])
}

// cut cuts off the end of a text that is wider than a width.
func cut(s string, width int) string {
	if cellsOf(s) <= width {
		return s
	}
	text, used := "", 0
	for _, r := range s {
		if used += cellsOfRune(r); used > width-1 {
			break
		}
		text += string(r)
	}
	return text + "…"
}

// cellsOf returns how many columns of a terminal a text takes.
func cellsOf(s string) int {
	n := 0
	for _, r := range s {
		n += cellsOfRune(r)
	}
	return n
}

func cellsOfRune(r rune) int {
	switch k := width.LookupRune(r).Kind(); {
	case unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf):
		return 0
	case k == width.EastAsianWide || k == width.EastAsianFullwidth:
		return 2
	}
	return 1
}

// printableText replaces what would move the cursor, or do worse, when it is printed:
// names are chosen by callers.
func printableText(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '\ufffd'
	}, s)
}

// compact writes a number in at most six characters: exactly below 100,000.
func compact(n int64) string {
	if n < 100_000 {
		return grouped(n)
	}
	v, unit := float64(n)/1e3, "k"
	for _, next := range []string{"M", "G", "T"} {
		if v < 999.5 {
			break
		}
		v, unit = v/1e3, next
	}
	switch {
	case v < 9.995:
		return fmt.Sprintf("%.2f%s", v, unit)
	case v < 99.95:
		return fmt.Sprintf("%.1f%s", v, unit)
	}
	return fmt.Sprintf("%.0f%s", v, unit)
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

// ageText writes how long ago something was, in its largest unit.
func ageText(d time.Duration) string {
	const day = 24 * time.Hour
	switch d = max(0, d); {
	case d < time.Minute:
		return fmt.Sprintf("%ds", d/time.Second)
	case d < time.Hour:
		return fmt.Sprintf("%dm", d/time.Minute)
	case d < 2*day:
		return fmt.Sprintf("%dh", d/time.Hour)
	case d < 2*365*day:
		return fmt.Sprintf("%dd", d/day)
	}
	return fmt.Sprintf("%dy", d/(365*day))
}

// durationText writes how long something took, in at most five characters.
func durationText(d time.Duration) string {
	switch d = max(0, d); {
	case d < time.Second:
		return fmt.Sprintf("%dms", d/time.Millisecond)
	case d < 10*time.Second:
		return fmt.Sprintf("%.1fs", d.Seconds())
	case d < time.Minute:
		return fmt.Sprintf("%ds", d/time.Second)
	case d < 10*time.Minute:
		return fmt.Sprintf("%dm%02ds", d/time.Minute, d%time.Minute/time.Second)
	case d >= time.Hour && d < 10*time.Hour:
		return fmt.Sprintf("%dh%02dm", d/time.Hour, d%time.Hour/time.Minute)
	}
	return ageText(d)
}
