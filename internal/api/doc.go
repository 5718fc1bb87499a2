// Package api holds the contract: one package for each service that Sluice speaks,
// generated from the interface tables in model, which derive from AWS's published
// service models (Apache-2.0).
//
//	mailmanagerapi   SES Mail Manager
//	sesv2api         SES v2
//	qconnectapi      Amazon Q in Connect, and Connect Wisdom, which is the same on the wire
//
// and, written by hand since AWS has no model of it,
//
//	adminapi         Sluice's own API
//
// Each of AWS's has types under AWS's names, the Service interface that a server
// implements, and New, which makes of a Service the wire.API that a wire.Mux serves.
// Inputs and outputs are called OpInput and OpOutput. A required string or number is
// a plain value, an optional one a pointer; a structure is a pointer; a word of an
// enumeration is plain, and "" when absent; a list or map is nil when absent. By the
// time a Service sees an input, wire has checked it.
package api

//go:generate go run ./apigen
