export * from './batch-signer.ts';
export * from './errors.ts';
