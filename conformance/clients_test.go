package conformance

import (
	"os"
	"os/exec"
	"testing"
)

// TestJavaScript runs every *.test.mjs under js with the JavaScript SDK.
func TestJavaScript(t *testing.T) {
	t.Parallel()
	_, noNode := exec.LookPath("node")
	_, noModules := os.Stat("js/node_modules/@aws-sdk")
	need(t, noNode != nil || noModules != nil, true, "the JavaScript SDK")
	s := start(t)
	t.Log(s.client(t, "js", "node", "--test"))
}

// TestBoto3 runs boto3.py, where boto3 is installed.
func TestBoto3(t *testing.T) {
	t.Parallel()
	need(t, exec.Command("python3", "-c", "import boto3").Run() != nil, false, "boto3")
	s := start(t)
	t.Log(s.client(t, ".", "python3", "boto3_test.py"))
}

// TestAWSCLI runs awscli.sh, where the AWS CLI is installed.
func TestAWSCLI(t *testing.T) {
	t.Parallel()
	need(t, exec.Command("aws", "--version").Run() != nil, false, "the AWS CLI")
	s := start(t)
	t.Log(s.client(t, ".", "bash", "-euo", "pipefail", "awscli.sh", t.TempDir()))
}
