//go:build !unix

package main

func maxOpenFiles() int { return usualOpenFiles }
