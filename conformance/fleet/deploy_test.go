package fleet

import (
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"go.yaml.in/yaml/v3"

	"github.com/sluicehq/sluice/internal/store/pgstore/pgtest"
	"github.com/sluicehq/sluice/internal/testenv"
)

// What is in compose.yaml, as far as it is looked at.
type (
	project struct {
		Services map[string]service
		Volumes  map[string]any
	}
	service struct {
		Image       string
		Build       struct{ Context, Dockerfile string }
		Environment map[string]string
		Ports       []string
		Volumes     []string
		DependsOn   map[string]any `yaml:"depends_on"`
	}
)

// secrets are the variables that compose.yaml wants to be set.
var secrets = map[string]string{
	"POSTGRES_PASSWORD":    "none",
	"SLUICE_ACCESS_KEY_ID": rootKey, "SLUICE_SECRET_ACCESS_KEY": rootSecret,
	"S3_ACCESS_KEY_ID": s3Key, "S3_SECRET_ACCESS_KEY": s3Secret,
}

var root = filepath.Join("..", "..")

func readRoot(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, path))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// compose reads compose.yaml with its variables set.
func compose(t *testing.T) (p project) {
	t.Helper()
	text := regexp.MustCompile(`\$\{(\w+):\?\}`).ReplaceAllStringFunc(readRoot(t, "compose.yaml"), func(v string) string {
		name := strings.TrimSuffix(strings.TrimPrefix(v, "${"), ":?}")
		if secrets[name] == "" {
			t.Errorf("compose.yaml wants %s, which docs/operating.md does not tell to set", name)
		}
		return secrets[name]
	})
	if err := yaml.Unmarshal([]byte(text), &p); err != nil {
		t.Fatalf("compose.yaml: %v", err)
	}
	return p
}

func TestComposeFits(t *testing.T) {
	t.Parallel()
	p := compose(t)
	manual := readRoot(t, "docs/operating.md")
	for name := range secrets {
		if !strings.Contains(manual, name+"=") {
			t.Errorf("docs/operating.md does not tell to set %s", name)
		}
	}
	for name, s := range p.Services {
		if (s.Image == "") == (s.Build.Dockerfile == "") {
			t.Errorf("%s has image %q and Dockerfile %q, want one of them", name, s.Image, s.Build.Dockerfile)
		}
		if s.Build.Dockerfile != "" {
			readRoot(t, filepath.Join(s.Build.Context, s.Build.Dockerfile))
		}
		for _, v := range s.Volumes {
			if volume, _, _ := strings.Cut(v, ":"); !slices.Contains(keys(p.Volumes), volume) {
				t.Errorf("%s mounts %s, which is no volume", name, volume)
			}
		}
		for other := range s.DependsOn {
			if _, there := p.Services[other]; !there {
				t.Errorf("%s depends on %s, which is no service", name, other)
			}
		}
	}
	release := regexp.MustCompile(`(?m)^go (\d+\.\d+)`).FindStringSubmatch(readRoot(t, "go.mod"))
	for file, text := range map[string]string{"deploy/Dockerfile": "FROM golang:%s ", "README.md": "with Go %s or later"} {
		if want := fmt.Sprintf(text, release[1]); !strings.Contains(readRoot(t, file), want) {
			t.Errorf("%s does not say %q, which go.mod asks for", file, want)
		}
	}
}

func keys(m map[string]any) (names []string) {
	for name := range m {
		names = append(names, name)
	}
	return names
}

// TestComposeByDocker has docker compose read the file, where that is installed.
func TestComposeByDocker(t *testing.T) {
	t.Parallel()
	if exec.Command("docker", "compose", "version").Run() != nil {
		testenv.MissingOptional(t, "docker compose", "see docs.docker.com/compose/install")
	}
	cmd := exec.Command("docker", "compose", "config", "--quiet")
	cmd.Dir, cmd.Env = root, os.Environ()
	for name, value := range secrets {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("docker compose config: %v\n%s", err, out)
	}
}

// TestComposeRuns runs the processes of compose.yaml with their settings, but for where
// the others are, and imports a file.
func TestComposeRuns(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("TestFleet runs a fleet already")
	}
	p := compose(t)
	server := pgtest.New(t)
	database, err := url.Parse(server.URL(t))
	if err != nil {
		t.Fatal(err)
	}
	files := newProcess(t, "s3", environment(p.Services["s3"], nil))
	files.start()
	at := map[string]string{
		"http://s3:4680": files.address(), "http://localhost:4690": files.address(),
		"postgres:5432/sluice": database.Host + database.Path,
		"sslmode=disable":      database.RawQuery,
	}
	f := &fleet{t: t, random: testenv.Rand(t), server: server, database: database.String(), files: fileClient(files.address())}
	if _, err := f.files.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String(sources)}); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"node1", "node2"} {
		n := &node{process: newProcess(t, name, environment(p.Services[name], at))}
		n.start()
		f.nodes = append(f.nodes, n)
	}
	tr := f.begin("eu-test-1", 2_000)
	tr.end()
}

// environment returns the settings of a service, with other addresses in them.
func environment(s service, at map[string]string) (env []string) {
	var pairs []string
	for was, is := range at {
		pairs = append(pairs, was, is)
	}
	moved := strings.NewReplacer(pairs...)
	for name, value := range s.Environment {
		env = append(env, fmt.Sprintf("%s=%s", name, moved.Replace(value)))
	}
	return env
}

// TestUnit has systemd read the unit, where that is installed.
func TestUnit(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("systemd-analyze"); err != nil {
		testenv.MissingOptional(t, "systemd-analyze", "it comes with systemd")
	}
	const installed = "/usr/local/bin/sluice"
	text := readRoot(t, "deploy/sluice.service")
	if !strings.Contains(text, "ExecStart="+installed+" serve") {
		t.Errorf("the unit does not start %s serve", installed)
	}
	unit := filepath.Join(t.TempDir(), "sluice.service")
	if err := os.WriteFile(unit, []byte(strings.ReplaceAll(text, installed, binary)), 0o644); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("systemd-analyze", "verify", "--man=no", unit).CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("systemd-analyze verify: %v\n%s", err, out)
	}
}
