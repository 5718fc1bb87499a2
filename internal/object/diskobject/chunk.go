package diskobject

import (
	"encoding/binary"
	"hash/crc32"
	"sync"
)

// Readers that wait for slow clients keep their buffers meanwhile, and there may be any
// number of them. So only some hold a whole block; the others read a block twice: first
// all of it, to verify it and to note the checksum of each of its chunks, and then chunk
// by chunk, each compared with what was noted.
const (
	wholeBlocks = 64       // readers that hold a whole block, 64 MiB in all
	chunkSize   = 64 << 10 // what each other reader holds; divides blockSize
)

// readBuffers are the buffers of readers.
type readBuffers struct {
	free   chan struct{} // one element for each buffer of a whole block that may be in use
	blocks sync.Pool     // *[]byte of blockSize
	chunks sync.Pool     // *[]byte of chunkSize
}

func newReadBuffers(whole int) *readBuffers {
	b := &readBuffers{free: make(chan struct{}, whole)}
	b.blocks.New = func() any { p := make([]byte, blockSize); return &p }
	b.chunks.New = func() any { p := make([]byte, chunkSize); return &p }
	for range whole {
		b.free <- struct{}{}
	}
	return b
}

// get returns a buffer of blockSize, or of chunkSize if too many of those are in use.
func (b *readBuffers) get() *[]byte {
	select {
	case <-b.free:
		return b.blocks.Get().(*[]byte)
	default:
		return b.chunks.Get().(*[]byte)
	}
}

// put takes a buffer back that get returned.
func (b *readBuffers) put(p *[]byte) {
	if len(*p) < blockSize {
		b.chunks.Put(p)
		return
	}
	b.blocks.Put(p)
	b.free <- struct{}{}
}

// chunkSums are the checksums of the chunks of a block that was verified.
type chunkSums struct {
	known bool // false: there is no such block
	block int64
	sums  [blockSize / chunkSize]uint32
}

// loadChunk reads and verifies the chunk that pos is in.
func (r *Reader) loadChunk() error {
	within := r.pos - r.start
	if number := within / blockSize; !r.chunks.known || r.chunks.block != number {
		if err := r.verifyChunks(number); err != nil {
			return err
		}
	}
	offset := within - within%chunkSize
	text := (*r.buf)[:min(chunkSize, r.parts[r.index].Size-offset)]
	if err := r.readAt(text, offset); err != nil {
		return err
	}
	if crc32.Checksum(text, castagnoli) != r.chunks.sums[offset%blockSize/chunkSize] {
		return r.damaged(offset, "the file changed while it was read")
	}
	r.block, r.from = text, r.start+offset
	return nil
}

// verifyChunks reads a whole block of the current segment, chunk by chunk.
func (r *Reader) verifyChunks(number int64) error {
	r.chunks.known = false
	offset := number * blockSize
	end := min(offset+blockSize, r.parts[r.index].Size)
	whole := uint32(0)
	for i := 0; offset < end; i++ {
		text := (*r.buf)[:min(chunkSize, end-offset)]
		if err := r.readAt(text, offset); err != nil {
			return err
		}
		whole = crc32.Update(whole, castagnoli, text)
		r.chunks.sums[i] = crc32.Checksum(text, castagnoli)
		offset += int64(len(text))
	}
	if whole != binary.BigEndian.Uint32(r.sums[4*number:]) {
		return r.damaged(number*blockSize, "checksum mismatch")
	}
	r.chunks.known, r.chunks.block = true, number
	return nil
}
