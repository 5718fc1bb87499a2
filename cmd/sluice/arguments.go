package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// helpWidth is how wide help is at most.
const helpWidth = 100

// withOwnTexts gives a tree of commands our sentences for wrong command lines, help that is
// not too wide, and completion.
func withOwnTexts(root *cobra.Command) {
	root.SetFlagErrorFunc(flagError)
	root.SetUsageFunc(writeUsage)
	var each func(*cobra.Command)
	each = func(cmd *cobra.Command) {
		cmd.Args = argumentsOf(cmd)
		complete(cmd)
		for _, sub := range cmd.Commands() {
			each(sub)
		}
	}
	for _, cmd := range root.Commands() {
		each(cmd)
	}
}

// argumentsOf checks arguments against the usage line of a command: "job ID", "rm JOB...".
func argumentsOf(cmd *cobra.Command) cobra.PositionalArgs {
	var names []string
	for _, field := range strings.Fields(cmd.Use)[1:] {
		if strings.HasPrefix(field, "-") || strings.HasPrefix(field, "[-") {
			break
		}
		names = append(names, field)
	}
	return func(cmd *cobra.Command, args []string) error {
		many := len(names) > 0 && strings.HasSuffix(names[len(names)-1], "...")
		switch {
		case len(args) < len(names):
			return fmt.Errorf("%s is missing: %s %s", strings.TrimSuffix(names[len(args)], "..."), cmd.CommandPath(), strings.Join(strings.Fields(cmd.Use)[1:], " "))
		case len(args) == len(names) || many:
			return nil
		case len(names) == 0:
			return fmt.Errorf("%s takes no arguments, but got %s", cmd.CommandPath(), quoteValue(args[0]))
		}
		return fmt.Errorf("%s takes only %s, but got %s too", cmd.CommandPath(), strings.Join(names, " "), quoteValue(args[len(names)]))
	}
}

// checkCommand refuses a command line that begins with the name of no command.
func checkCommand(root *cobra.Command, args []string) error {
	if len(args) == 0 || strings.HasPrefix(args[0], "-") || strings.HasPrefix(args[0], "__") {
		return nil
	}
	var names []string
	for _, cmd := range root.Commands() {
		if cmd.Name() != args[0] {
			names = append(names, cmd.Name())
			continue
		}
		switch { // those of the library have no sentence of their own
		case args[0] == "help":
			return checkCommand(root, args[1:])
		case args[0] == "completion":
			return checkCommand(cmd, args[1:])
		}
		return nil
	}
	what := "command"
	if root.HasParent() {
		what = "shell"
	}
	return fmt.Errorf("there is no %s %s%s", what, quoteValue(args[0]), suggest(args[0], names))
}

// flagError is for root.SetFlagErrorFunc: what was wrong with a flag. A value that may be a
// secret is not repeated.
func flagError(cmd *cobra.Command, err error) error {
	var unknown *pflag.NotExistError
	var missing *pflag.ValueRequiredError
	var invalid *pflag.InvalidValueError
	switch {
	case errors.As(err, &unknown):
		name := unknown.GetSpecifiedName()
		if short := unknown.GetSpecifiedShortnames(); short != "" {
			return fmt.Errorf("there is no flag -%s", name)
		}
		if !isPrintable(name) {
			return errors.New("there is no such flag (not shown, it may be a secret)")
		}
		return fmt.Errorf("there is no flag --%s%s", name, strings.Replace(suggest(name, flagNames(cmd.Flags())), "mean ", "mean --", 1))
	case errors.As(err, &missing):
		flag := missing.GetFlag()
		what, _ := pflag.UnquoteUsage(flag)
		return fmt.Errorf("--%s needs a value: --%s %s", flag.Name, flag.Name, strings.ToUpper(what))
	case errors.As(err, &invalid):
		flag := invalid.GetFlag()
		return fmt.Errorf("--%s: %s is not valid%s", flag.Name, quoteValue(invalid.GetValue()), wanted(flag, invalid.Unwrap()))
	}
	return err
}

// wanted says what a flag takes, after the error of a wrong value.
func wanted(flag *pflag.Flag, err error) string {
	switch flag.Value.Type() {
	case "int", "int64":
		return ": it must be a whole number"
	case "bool":
		return ": it must be true or false"
	case "duration":
		return ": it must be a time, such as 90s or 10m"
	}
	if err != nil { // our own types say it
		return ": it " + err.Error()
	}
	return ""
}
