package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
)

// measureContacts imports contacts with attributes and five topics into a contact list
// of a fresh server.
func measureContacts(ctx context.Context, binary, dir string, rows int) error {
	file, data := filepath.Join(dir, "contacts.csv"), filepath.Join(dir, "contacts")
	if err := writeContacts(file, rows); err != nil {
		return err
	}
	defer os.Remove(file)
	s, err := startServer(ctx, binary, data)
	if err != nil {
		return err
	}
	defer os.RemoveAll(data)
	defer s.stop()
	if _, err := s.putFile(ctx, file); err != nil {
		return err
	}
	list := `{"ContactListName":"bench","Topics":[`
	for i, topic := range topics {
		if i > 0 {
			list += ","
		}
		list += fmt.Sprintf(`{"TopicName":%q,"DisplayName":%q,"DefaultSubscriptionStatus":"OPT_OUT"}`, topic, topic)
	}
	if err := s.json(ctx, http.MethodPost, "/v2/email/contact-lists", []byte(list+"]}"), new(struct{})); err != nil {
		return err
	}
	took, err := s.importInto(ctx, `"ContactListDestination":{"ContactListName":"bench","ContactListImportAction":"PUT"}`, rows)
	if err != nil {
		return err
	}
	fmt.Printf("\ncontacts  import %8.2f s  %9.0f rows/s  peak memory %d MiB\n", took.Seconds(), float64(rows)/took.Seconds(), s.peakMiB())
	return nil
}

var (
	topics   = [...]string{"news", "offers", "events", "product-updates", "surveys"}
	statuses = [...]string{"OPT_IN", "OPT_OUT", "", "OPT_IN"}
	towns    = [...]string{"Lisboa", "Kraków", "Oslo", "Genève", "Tartu", "Graz"}
)

// writeContacts writes a contact file of n rows, about 150 bytes each.
func writeContacts(path string, n int) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	out := bufio.NewWriterSize(f, 1<<20)
	row := []byte("emailAddress,unsubscribeAll,attributesData")
	for _, topic := range topics {
		row = append(append(row, ",topicPreferences."...), topic...)
	}
	row = append(row, '\n')
	for i := range n {
		if _, err := out.Write(row); err != nil {
			break // Flush tells
		}
		row = address(row[:0], i, n)
		row = strconv.AppendBool(append(row, ','), i%50 == 0)
		row = append(row, `,"{""name"":""Contact `...)
		row = strconv.AppendInt(row, int64(i), 10)
		row = append(row, `"",""town"":""`...)
		row = append(row, towns[i%len(towns)]...)
		row = append(row, `""}"`...)
		for t := range topics {
			row = append(append(row, ','), statuses[(i>>t)%len(statuses)]...)
		}
		row = append(row, '\n')
	}
	_, _ = out.Write(row)
	return errors.Join(out.Flush(), f.Close())
}
