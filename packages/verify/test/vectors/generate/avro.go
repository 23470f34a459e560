package main

import "fmt"

// reader reads the few Avro types that the records use. It checks nothing beyond lengths: it is a second reading of the
// format, not a second parser of its rules.
type reader struct{ b []byte }

func (r *reader) take(n int) []byte {
	if n < 0 || n > len(r.b) {
		panic(fmt.Sprintf("%d bytes wanted, %d left", n, len(r.b)))
	}
	out := r.b[:n]
	r.b = r.b[n:]
	return out
}

func (r *reader) long() int64 {
	var u uint64
	for shift := 0; ; shift += 7 {
		c := r.take(1)[0]
		u |= uint64(c&0x7f) << shift
		if c < 0x80 {
			return int64(u>>1) ^ -int64(u&1)
		}
	}
}

func (r *reader) bytes() []byte  { return r.take(int(r.long())) }
func (r *reader) string() string { return string(r.bytes()) }
func (r *reader) digest() []byte { return r.take(32) }
func (r *reader) present() bool  { return r.long() == 1 }

func (r *reader) digests() [][]byte {
	var out [][]byte
	for {
		n := r.long()
		if n == 0 {
			return out
		}
		for ; n > 0; n-- {
			out = append(out, r.digest())
		}
	}
}

func (r *reader) end(what string) {
	if len(r.b) > 0 {
		panic(what + ": bytes follow")
	}
}
