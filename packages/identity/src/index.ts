export { bearerToken } from './bearer.ts';
export { IdentityError, type IdentityErrorCode } from './errors.ts';
export * from './identity.ts';
export type { Algorithm, ClaimMapping, ClaimPath, IssuerOptions, KeySource, TokenVerifierOptions } from './options.ts';
export { createPseudonyms, type PseudonymOptions, type Pseudonyms } from './pseudonym.ts';
export { createTokenVerifier, type TokenVerifier, type TokenVerifierStats } from './token-verifier.ts';
