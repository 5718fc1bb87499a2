// Package wire speaks the two protocols of the APIs that Sluice serves, restJson1
// and awsJson1_0: bytes in, a service's values across, bytes out.
//
//	request ──> Mux.Match ──> (gateway: who is asking?) ──> Mux.Serve ──> reply
//	            API and          signature, Caller            │
//	            Operation                                     ▼
//	     body, query, labels ──> Reader ──> input ──> Checker ──> service
//	                                                                │
//	     reply  <── Writer <── output                         <─────┤
//	     reply  <── WriteFault: kind -> the API's error name  <─────┘
//
// In come HTTP requests and tables: an API is a list of operations with their
// method, path, status and errors, generated from AWS's model into a package below
// internal/api. Out go HTTP replies. The package promises that
//
//   - a handler sees only input that its table allows: what is required is there,
//     lengths, patterns, ranges, enumerations and unions hold;
//   - a path is routed as it was sent: segments are split before they are decoded,
//     so an address with "/" or a whole ARN is one label, and "+" is a plus;
//   - the body is read to its end before a handler runs, so a reader below that
//     checks a hash or a signature at the end has spoken; it is bounded by
//     Options.MaxBody;
//   - an operation replies with errors that its table declares, the API's validation
//     error and the protocol's common errors, and with nothing else;
//   - the text of an error that is ours never reaches the caller.
//
// The forms are those of https://smithy.io/2.0/aws/protocols/aws-restjson1-protocol.html
// and https://smithy.io/2.0/aws/protocols/aws-json-1_0-protocol.html.
package wire
