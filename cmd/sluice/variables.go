package main

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

const variablePrefix = "SLUICE_"

// variableOf returns the variable that a flag is set by.
func variableOf(flag string) string {
	return variablePrefix + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// environ lists the environment; tests have others.
var environ = os.Environ

// checkVariables refuses variables that begin with SLUICE_ and are none of the commands':
// one that is misspelled would have no effect.
func checkVariables(environ []string, commands ...*cobra.Command) []error {
	var known []string // without the prefix
	for _, name := range secretVariables {
		if name, ok := strings.CutPrefix(name, variablePrefix); ok {
			known = append(known, name, name+fileSuffix)
		}
	}
	for _, cmd := range commands {
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			known = append(known, strings.TrimPrefix(variableOf(f.Name), variablePrefix))
		})
	}
	var wrong []error
	for _, entry := range environ {
		name, value, _ := strings.Cut(entry, "=")
		own, ok := strings.CutPrefix(name, variablePrefix)
		if !ok || slices.Contains(known, own) || isServiceVariable(name, value) {
			continue
		}
		meant := strings.Replace(suggest(own, known), "mean ", "mean "+variablePrefix, 1)
		wrong = append(wrong, fmt.Errorf("%s: no setting has this name%s", name, meant))
	}
	return wrong
}

var (
	serviceName = regexp.MustCompile(`_SERVICE_(HOST|PORT)(_[A-Z0-9_]+)?$`)
	servicePort = regexp.MustCompile(`_PORT(_[0-9]+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?$`)
)

// isServiceVariable reports whether Kubernetes or Docker made a variable for a service or a
// linked container whose name begins with "sluice".
//
// Source: https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables
func isServiceVariable(name, value string) bool {
	if serviceName.MatchString(name) {
		return true
	}
	return servicePort.MatchString(name) && (name != "SLUICE_PORT" || isURL(value))
}

// suggest names the name that comes nearest to another, if one is near.
func suggest(name string, names []string) string {
	best, distance := "", max(2, len(name)/4)+1
	for _, w := range names {
		if d := editDistance(name, w); d < distance {
			best, distance = w, d
		}
	}
	if best == "" {
		return ""
	}
	return "; did you mean " + best + "?"
}

// editDistance is the number of bytes to insert, delete, replace or swap with the next one
// to make b of a.
func editDistance(a, b string) int {
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			replace := rows[i-1][j-1]
			if a[i-1] != b[j-1] {
				replace++
			}
			rows[i][j] = min(rows[i-1][j]+1, rows[i][j-1]+1, replace)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(a)][len(b)]
}
