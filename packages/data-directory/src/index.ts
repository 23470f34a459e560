export * from './allow-tenants.ts';
export * from './directory.ts';
export * from './errors.ts';
export * from './keys.ts';
export * from './registration.ts';
export * from './registry-stream.ts';
export * from './sealing.ts';
