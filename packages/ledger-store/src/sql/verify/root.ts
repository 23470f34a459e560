import type { SqlFunction } from '../functions.ts';

/**
 * RFC 9162 root over leaf hashes (Array(String), in order); SHA-256 of nothing over none. Level by level: even nodes beside
 * odd ones, and an odd last node moves up as it is.
 */
const root: SqlFunction = {
  name: 'sealtrail_root',
  parameters: 'leaves',
  body: [
    `if(empty(leaves), SHA256(''), arrayFold((nodes, level) -> if(length(nodes) < 2, nodes, arrayMap(`,
    `(l, r) -> if(empty(r), l, SHA256(concat(char(1), l, r))), `,
    `arrayFilter((x, i) -> i % 2 = 1, nodes, arrayEnumerate(nodes)), `,
    // Where a node has no neighbour, an empty string stands in.
    `arrayResize(arrayFilter((x, i) -> i % 2 = 0, nodes, arrayEnumerate(nodes)), intDiv(length(nodes) + 1, 2), ''))), `,
    // A logarithm that is rounded up too far only goes round once more.
    `range(toUInt8(ceil(log2(length(leaves)))) + 1), leaves)[1])`,
  ].join(''),
};

/** Root of a tree from its frontier (Array(FixedString(32)), largest subtree first). */
const frontierRoot: SqlFunction = {
  name: 'sealtrail_frontier_root',
  parameters: 'nodes',
  body: [
    `if(empty(nodes), SHA256(''), concat(arrayFold((node, left) -> SHA256(concat(char(1), left, node)), `,
    `arraySlice(arrayReverse(nodes), 2), nodes[-1]), ''))`,
  ].join(''),
};

export const rootFunctions = (): readonly SqlFunction[] => [root, frontierRoot];
