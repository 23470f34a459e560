// Reads the example proofs of docs/spec with torchwood and a second reading of the inner hops, and writes what it found,
// together with proofs that torchwood formatted: go run . ../../../../../docs/spec/vectors/proof > ../torchwood.json
package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

type accepted struct {
	File   string `json:"file"`
	SHA256 string `json:"sha256"`
	Tenant string `json:"tenant"`
	Entry  int64  `json:"entry"`
	Offset int64  `json:"offset"`
	Leaf   string `json:"leaf"`
}

type formatted struct {
	Index int64    `json:"index"`
	Extra string   `json:"extra"`
	Path  []string `json:"path"`
	Note  string   `json:"note"`
	Proof string   `json:"proof"`
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func must(ok bool, what string) {
	if !ok {
		panic(what)
	}
}

func hash(parts ...[]byte) []byte {
	h := sha256.Sum256(bytes.Join(parts, nil))
	return h[:]
}

// included checks an inclusion path with golang.org/x/mod's own code.
func included(path [][]byte, size int64, root []byte, index int64, leaf []byte) {
	var p tlog.RecordProof
	for _, node := range path {
		p = append(p, tlog.Hash(node))
	}
	check(tlog.CheckRecord(p, size, tlog.Hash(root), index, tlog.Hash(leaf)))
}

func verify(file []byte, verifier note.Verifier) accepted {
	extra, err := torchwood.ProofExtraData(file)
	check(err)
	r := &reader{extra}
	must(r.long() == 1, "version")
	section := func(letter string) []byte {
		var content, digest []byte
		if r.present() {
			content = r.bytes()
		}
		if r.present() {
			digest = r.digest()
		}
		must((content == nil) != (digest == nil), "one of section and digest")
		if digest == nil {
			digest = hash([]byte(letter), content)
		}
		return digest
	}
	actor := section("A")
	object := section("O")
	leaf := hash([]byte("\x00E\x01"), actor, object, r.bytes())
	batchIndex := r.long()
	batchPath := r.digests()
	manifest := r.bytes()
	must(!r.present(), "no predecessor in the examples")
	logPath := r.digests()
	head := r.bytes()
	headIndex := r.long()
	headsPath := r.digests()
	round := r.bytes()
	publicKey := r.take(32)
	r.end("entry proof")

	// Round: what the operator log holds.
	q := &reader{round}
	must(q.long() == 1, "round version")
	roundTopic := q.string()
	roundIncarnation, roundPartition := q.long(), q.long()
	q.long() // index: torchwood checks the tlog-proof's own below
	from, to := q.long(), q.long()
	q.long()
	q.digest()
	heads, headsRoot := q.long(), q.digest()
	policy := torchwood.ThresholdPolicy(2, torchwood.OriginPolicy(verifier.Name()), torchwood.SingleVerifierPolicy(verifier))
	check(torchwood.VerifyProof(policy, tlog.RecordHash(append([]byte("R\x01"), round...)), file))
	included(headsPath, heads, headsRoot, headIndex, hash([]byte("\x00H\x01"), head))

	// Head of the tenant's log.
	h := &reader{head}
	headLog := h.take(16)
	size := h.long()
	h.long()
	h.digest()
	root := h.digest()
	h.end("head")

	// Manifest, with the producer's header inside.
	m := &reader{manifest}
	must(m.long() == 1, "manifest version")
	log := m.take(16)
	must(bytes.Equal(log, headLog), "the head's log")
	must(!m.present(), "no predecessor")
	position := m.long()
	m.digest()
	firstEntry := m.long()
	topic := m.string()
	incarnation, partition, offset := m.long(), m.long(), m.long()
	m.long()
	m.long()
	must(topic == roundTopic && incarnation == roundIncarnation && partition == roundPartition, "the round's partition")
	must(from <= offset && offset < to, "the round's offsets")
	included(logPath, size, root, position, hash([]byte("\x00M\x01"), manifest))
	header := m.b
	m.long()
	m.long()
	audience, tenant := m.string(), m.string()
	m.string()
	keyID := m.digest()
	m.take(16)
	m.long()
	m.long()
	m.long()
	m.long()
	m.long()
	must(!m.present(), "no predecessor instance")
	m.digest()
	count := m.long()
	batchRoot := m.digest()
	must(!m.present(), "no confidential section")
	header = header[:len(header)-len(m.b)]
	signature := m.take(64)
	m.end("manifest")
	included(batchPath, count, batchRoot, batchIndex, leaf)

	// Log id, over the Avro bytes of its identity.
	var id []byte
	text := func(s string) { id = append(append(id, byte(2*len(s))), s...) }
	text(audience)
	text(tenant)
	text(topic)
	id = append(id, byte(2*incarnation), byte(2*partition), 0)
	must(bytes.Equal(hash(id)[:16], log), "log id")

	// The detached JWS over the header, RFC 7797.
	b64 := base64.RawURLEncoding.EncodeToString
	must(bytes.Equal(hash([]byte(`{"crv":"Ed25519","kty":"OKP","x":"`+b64(publicKey)+`"}`)), keyID), "thumbprint")
	protected := `{"alg":"Ed25519","b64":false,"crit":["b64"],"kid":"` + b64(keyID) + `"}`
	signed := append([]byte(b64([]byte(protected))+".sealtrail/batch/v1\x00"), header...)
	must(ed25519.Verify(publicKey, signed, signature), "producer's signature")
	return accepted{Tenant: tenant, Entry: firstEntry + batchIndex, Offset: offset, Leaf: hex.EncodeToString(leaf)}
}

func main() {
	folder := os.Args[1]
	read := func(name string) []byte {
		b, err := os.ReadFile(filepath.Join(folder, name))
		check(err)
		return b
	}
	verifier, err := note.NewVerifier(strings.TrimSpace(string(read("verifier-key.txt"))))
	check(err)
	var out struct {
		Accepted  []accepted  `json:"accepted"`
		Formatted []formatted `json:"formatted"`
	}
	for _, name := range []string{"entry.txt", "entry-erased.txt"} {
		file := read(name)
		found := verify(file, verifier)
		found.File, found.SHA256 = name, hex.EncodeToString(hash(file))
		out.Accepted = append(out.Accepted, found)
	}
	signed := string(read("checkpoint.txt"))
	for i, index := range []int64{0, 1, 7, 1 << 40, 1<<53 - 1} {
		extra := bytes.Repeat([]byte{byte(i), 0xff}, 40*i+i%3)
		var path tlog.RecordProof
		var hexes []string
		for j := 0; j < 3*i; j++ {
			node := hash([]byte(fmt.Sprint(i, j)))
			path = append(path, tlog.Hash(node))
			hexes = append(hexes, hex.EncodeToString(node))
		}
		proof := torchwood.FormatProofWithExtraData(index, extra, path, []byte(signed))
		out.Formatted = append(out.Formatted, formatted{index, hex.EncodeToString(extra), hexes, signed, string(proof)})
	}
	encoder := json.NewEncoder(os.Stdout)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	check(encoder.Encode(out))
}
