// Writes what is generated from the schemas: npm run generate
import { writeFileSync } from 'node:fs';
import { generateSchemasModule } from '../packages/wire/generate/schemas.ts';

const schemas = new URL('../schemas/', import.meta.url);
writeFileSync(new URL('../packages/wire/src/generated/schemas.ts', import.meta.url), generateSchemasModule(schemas));
