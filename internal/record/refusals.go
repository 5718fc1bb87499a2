package record

// Why a record cannot be read. Rules have refusals of their own.
var (
	refusedTooLong = &Refusal{
		Code:   "too-long",
		Reason: "the record is longer than 1 MiB; shorten it or split it",
	}
	refusedEncoding = &Refusal{
		Code:   "bad-encoding",
		Reason: "the record is not valid UTF-8; save the file as UTF-8",
	}
	refusedNUL = &Refusal{
		Code:   "nul-byte",
		Reason: "the record holds a NUL byte; remove it",
	}
	refusedQuote = &Refusal{
		Code:   "unclosed-quote",
		Reason: "a cell opens with a quote that is not closed before a comma or line end; close it, or double the quotes within the cell",
	}
	refusedCells = &Refusal{
		Code:   "too-many-cells",
		Reason: "the row has more cells than there are columns; put a cell that holds a comma into quotes",
	}
	refusedColumns = &Refusal{ // of a first row that may be a header
		Code:   "too-many-columns",
		Reason: "the row names more than 1024 columns",
	}
	refusedJSON = &Refusal{
		Code:   "bad-json",
		Reason: "the line is not a JSON value; check its quotes, commas and braces",
	}
	refusedShape = &Refusal{
		Code:   "not-an-object",
		Reason: "the value is not a JSON object with the record's members",
	}
	refusedDepth = &Refusal{
		Code:   "too-deep",
		Reason: "the value nests arrays and objects more than 64 deep",
	}
)
