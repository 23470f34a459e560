// Writes what is generated from the schemas: npm run generate
import { readFileSync, writeFileSync } from 'node:fs';
import { withConformance } from '../packages/detection/test/conformance/page.ts';
import { withGeneratedSections } from '../packages/ledger-store/generate/analysts-page.ts';
import { generateSchemasModule } from '../packages/wire/generate/schemas.ts';

const schemas = new URL('../schemas/', import.meta.url);
writeFileSync(new URL('../packages/wire/src/generated/schemas.ts', import.meta.url), generateSchemasModule(schemas));

const analysts = new URL('../docs/analysts.md', import.meta.url);
writeFileSync(analysts, withGeneratedSections(readFileSync(analysts, 'utf8')));

const sigma = new URL('../docs/detection/sigma.md', import.meta.url);
writeFileSync(sigma, withConformance(readFileSync(sigma, 'utf8')));
