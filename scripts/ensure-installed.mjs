// Installs what package-lock.json names, unless it is there already. Runs on plain Node, before anything is installed.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  console.error(`sealtrail: Node ${process.versions.node} is too old; install Node 20.19 or newer`);
  process.exit(3);
}
/** What npm noted when it last finished is what the lock file asks for (optional packages may be for other machines). */
function isInstalled() {
  const noted = `${root}node_modules/.package-lock.json`;
  if (!existsSync(noted)) return false;
  const there = JSON.parse(readFileSync(noted, 'utf8')).packages;
  const wanted = JSON.parse(readFileSync(`${root}package-lock.json`, 'utf8')).packages;
  return Object.entries(wanted).every(
    ([path, wants]) => !path.startsWith('node_modules/') || there[path]?.version === wants.version || (wants.optional && !(path in there)),
  );
}

if (!isInstalled()) {
  console.error('sealtrail: installing dependencies (once, about 850 MB on disk)…');
  const npm = spawnSync('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], { cwd: root, stdio: ['ignore', 2, 2] });
  if (npm.status !== 0) {
    console.error('sealtrail: npm ci failed; see above, then run the command again');
    process.exit(3);
  }
}
