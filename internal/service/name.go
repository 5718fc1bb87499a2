package service

import (
	"crypto/rand"
	"strings"

	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/job"
)

// NewID returns an id that nobody can guess: prefix and 24 lower-case letters and
// digits, 120 bits of chance, in the form of AWS's own.
func NewID(prefix string) string {
	return prefix + strings.ToLower(rand.Text()[:24])
}

// ARN names a resource of an owner: arn:<partition>:<service>:<region>:<account>:<kind>/<id>.
type ARN struct {
	Service string
	Owner   job.Owner
	Kind    string
	ID      string
}

// String writes the name, in the partition that the region belongs to.
func (a ARN) String() string {
	return strings.Join([]string{
		"arn", partition(a.Owner.Region), a.Service, a.Owner.Region, a.Owner.Account, a.Kind + "/" + a.ID,
	}, ":")
}

// ParseARN reads a name. It is fault.Invalid if the text has another form, or names
// a partition that the region does not belong to.
func ParseARN(text string) (ARN, error) {
	part := strings.SplitN(text, ":", 6)
	if len(part) == 6 && part[0] == "arn" && part[1] == partition(part[3]) {
		kind, id, ok := strings.Cut(part[5], "/")
		if ok && id != "" {
			return ARN{Service: part[2], Owner: job.Owner{Account: part[4], Region: part[3]}, Kind: kind, ID: id}, nil
		}
	}
	return ARN{}, fault.New(fault.Invalid, "%q is not the ARN of a resource", text)
}

// partitions by how their regions' names begin, see
// https://docs.aws.amazon.com/whitepapers/latest/aws-fault-isolation-boundaries/partitions.html.
var partitions = []struct{ prefix, name string }{
	{"cn-", "aws-cn"},
	{"us-gov-", "aws-us-gov"},
	{"eusc-", "aws-eusc"},
}

func partition(region string) string {
	for _, p := range partitions {
		if strings.HasPrefix(region, p.prefix) {
			return p.name
		}
	}
	return "aws"
}
