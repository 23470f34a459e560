// Writes golden vectors of trees, notes and checkpoints made by golang.org/x/mod/sumdb: go run . > ../sumdb.json
package main

import (
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

type store []tlog.Hash

func (s store) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	for i, x := range indexes {
		out[i] = s[x]
	}
	return out, nil
}

type proof struct {
	Size  int64    `json:"size"`
	Index int64    `json:"index"`
	Path  []string `json:"path"`
}

func main() {
	check := func(err error) {
		if err != nil {
			panic(err)
		}
	}
	const n = 70
	var hashes store
	var roots, leaves []string
	var inclusion, consistency []proof
	for i := int64(0); i < n; i++ {
		data := []byte(fmt.Sprintf("leaf %d", i))
		h := tlog.RecordHash(data)
		leaves = append(leaves, hex.EncodeToString(h[:]))
		hs, err := tlog.StoredHashes(i, data, hashes)
		check(err)
		hashes = append(hashes, hs...)
		root, err := tlog.TreeHash(i+1, hashes)
		check(err)
		roots = append(roots, hex.EncodeToString(root[:]))
	}
	path := func(hs []tlog.Hash) []string {
		out := []string{}
		for _, h := range hs {
			out = append(out, hex.EncodeToString(h[:]))
		}
		return out
	}
	for _, size := range []int64{1, 2, 3, 7, 8, 33, 64, 70} {
		for index := int64(0); index < size; index += 1 + size/9 {
			p, err := tlog.ProveRecord(size, index, hashes)
			check(err)
			inclusion = append(inclusion, proof{size, index, path(p)})
			if index > 0 {
				q, err := tlog.ProveTree(size, index, hashes)
				check(err)
				consistency = append(consistency, proof{size, index, path(q)})
			}
		}
	}
	seed := make([]byte, 32)
	for i := range seed {
		seed[i] = byte(i)
	}
	private := ed25519.NewKeyFromSeed(seed)
	public := private.Public().(ed25519.PublicKey)
	const name = "audit.example/operator/1/0"
	vkey, err := note.NewEd25519VerifierKey(name, public)
	check(err)
	hash := vkey[len(name)+1 : len(name)+9]
	skey := "PRIVATE+KEY+" + name + "+" + hash + "+" + toBase64(append([]byte{1}, seed...))
	signer, err := note.NewSigner(skey)
	check(err)
	root, err := tlog.TreeHash(n, hashes)
	check(err)
	text := fmt.Sprintf("%s\n%d\n%s\n", name, n, root.String())
	signed, err := note.Sign(&note.Note{Text: text}, signer)
	check(err)
	e := json.NewEncoder(os.Stdout)
	e.SetIndent("", " ")
	check(e.Encode(map[string]any{"leaves": leaves, "roots": roots, "inclusion": inclusion, "consistency": consistency,
		"seed": hex.EncodeToString(seed), "name": name, "verifier_key": vkey, "note": string(signed), "text": text}))
}
