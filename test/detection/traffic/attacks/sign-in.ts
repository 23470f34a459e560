import { act } from '../acts.ts';
import type { Fields } from '../event.ts';
import { challenge, recover, trySignIn } from '../sign-in.ts';
import { personToken } from '../tokens.ts';
import { browserAgent, FAR_COUNTRIES, publicAddress } from '../world.ts';
import { type Attack, attacker, paced, type Scene, victim } from './scene.ts';

const SENSITIVE = ['customer.export', 'api_key.create', 'document.export', 'role.grant', 'payout.update'] as const;

/** A tool with a list of passwords, at the speed that the door allows. */
function guess(
  { draw, stage, start_s }: Scene,
  account: string,
  from: () => Fields,
  tries = Math.round(draw.logBetween(15, 400)),
  pace_s = draw.logBetween(0.4, 70),
): number {
  const locks = draw.chance(0.3) ? 10 : Number.POSITIVE_INFINITY;
  return paced(draw, start_s, tries, pace_s, (at, i) =>
    trySignIn(stage, at, from(), account, 'DENIED', i < locks ? 'bad_credentials' : 'locked'),
  );
}

export const bruteForce: Attack = (scene) => {
  const origin = attacker(scene.draw);
  guess(scene, victim(scene).id, () => origin);
};

export const bruteForceSuccess: Attack = (scene) => {
  const origin = attacker(scene.draw);
  const account = victim(scene).id;
  const end_s = guess(scene, account, () => origin);
  trySignIn(scene.stage, end_s, origin, account, 'SUCCESS');
};

/** The same list through a pool of proxies. */
export const distributedGuessing: Attack = (scene) => {
  const { draw } = scene;
  const pool = Array.from({ length: draw.int(10, 300) }, () => attacker(draw));
  guess(scene, victim(scene).id, () => draw.pick(pool), Math.round(draw.logBetween(30, 400)), draw.logBetween(0.5, 60));
};

/** A list of names and passwords that leaked elsewhere: most have no account here, few work. */
export const credentialStuffing: Attack = ({ draw, stage, tenant, start_s }) => {
  const origin = attacker(draw);
  const unknown = draw.between(0.4, 0.95);
  paced(draw, start_s, Math.round(draw.logBetween(80, 3_000)), draw.logBetween(0.1, 12), (at) => {
    if (draw.chance(unknown)) trySignIn(stage, at, origin, `${draw.hex(8)}@mail.example`, 'DENIED', 'unknown_account');
    else if (draw.chance(0.01)) trySignIn(stage, at, origin, draw.pick(tenant.people).id, 'SUCCESS');
    else trySignIn(stage, at, origin, draw.pick(tenant.people).id, 'DENIED', 'bad_credentials');
  });
};

/** One or two passwords over a directory. Some tools keep an address for a batch of accounts, some change it with each try. */
export const passwordSpraying: Attack = ({ draw, stage, tenant, start_s }) => {
  const pool = Array.from({ length: draw.int(8, 60) }, () => attacker(draw, browserAgent(draw)));
  const batch = draw.chance(0.6) ? draw.int(4, 12) : 1;
  const guessed = draw.between(0.1, 0.4);
  const rounds = Math.round(draw.logBetween(60, 600));
  paced(draw, start_s, rounds, draw.logBetween(0.3, 6), (at, i) => {
    const origin = pool[Math.floor(i / batch) % pool.length] as Fields;
    if (draw.chance(guessed))
      trySignIn(
        stage,
        at,
        origin,
        `${tenant.name}-${draw.pick(['jsmith', 'mmuller', 'info', 'ajones', 'tlee'])}${draw.int(1, 99)}`,
        'DENIED',
        'unknown_account',
      );
    else trySignIn(stage, at, origin, draw.pick(tenant.people).id, 'DENIED', 'bad_credentials');
  });
};

/** Accounts are locked on purpose, all that are known. */
export const lockoutWave: Attack = ({ draw, stage, tenant, start_s }) => {
  const origin = attacker(draw);
  const accounts = draw.int(14, Math.max(15, Math.min(60, tenant.people.length)));
  let at = start_s;
  for (let i = 0; i < accounts; i++) {
    const account = tenant.people[i % tenant.people.length]?.id ?? '';
    at = paced(draw, at, draw.int(7, 9), draw.between(0.2, 2), (t, n) =>
      trySignIn(stage, t, origin, account, 'DENIED', n < 6 ? 'bad_credentials' : 'locked'),
    );
  }
};

function pushes({ draw, stage, start_s }: Scene, account: string, origin: Fields): number {
  return paced(draw, start_s, draw.int(6, 40), draw.logBetween(8, 80), (at) =>
    challenge(stage, at, origin, account, 'DENIED', draw.chance(0.5) ? 'user_denied' : 'timeout'),
  );
}
export const mfaFatigue: Attack = (scene) => void pushes(scene, victim(scene).id, attacker(scene.draw));
export const mfaFatigueSuccess: Attack = (scene) => {
  const account = victim(scene).id;
  const origin = attacker(scene.draw);
  const end_s = pushes(scene, account, origin);
  challenge(scene.stage, end_s, origin, account, 'SUCCESS', null);
};

/** Through the mailbox: a new password, no second factor, and then what the account is good for. */
export const accountTakeover: Attack = (scene) => {
  const { draw, stage, tenant, start_s } = scene;
  const person = victim(scene);
  const origin = attacker(draw);
  recover(stage, start_s, origin, person.id, 'password.reset');
  const removed_s = start_s + draw.logBetween(30, 900);
  recover(stage, removed_s, origin, person.id, 'mfa.disable');
  trySignIn(stage, removed_s + 30, origin, person.id, 'SUCCESS');
  const token = personToken(draw, tenant, person, removed_s + 31);
  paced(draw, removed_s + draw.logBetween(60, 1_500), draw.int(1, 6), 60, (at) =>
    act(stage, at, token, origin, { action: draw.pick(SENSITIVE), resource_id: draw.hex(8), http_method: 'POST' }),
  );
};

/** A password that was bought, used while its owner is at work elsewhere. */
export const impossibleTravel: Attack = ({ draw, stage, day }) => {
  const signIns = day.filter(
    ({ act, origin }) =>
      act['action'] === 'session.create' && act['outcome'] === 'SUCCESS' && origin['attributes.source_kind'] === undefined,
  );
  if (signIns.length === 0) return;
  const own = draw.pick(signIns);
  const country = draw.pick(FAR_COUNTRIES.filter((far) => far !== own.origin['attributes.source_country']));
  trySignIn(
    stage,
    own.time_us / 1e6 + draw.between(-50, 50) * 60,
    { ...attacker(draw), 'attributes.source_country': country },
    String(own.act['resource_id']),
    'SUCCESS',
  );
};

export const torSignIn: Attack = (scene) => {
  const { draw, stage, start_s } = scene;
  trySignIn(
    stage,
    start_s,
    {
      source_ip: publicAddress(draw),
      'attributes.source_country': 'DE',
      'attributes.source_kind': 'tor',
      user_agent: 'Mozilla/5.0 (Windows NT 10.0; rv:128.0) Gecko/20100101 Firefox/128.0',
    },
    victim(scene).id,
    'SUCCESS',
  );
};

/** Somebody who left long ago still has an account, and somebody else has found it. */
export const dormantSignIn: Attack = ({ draw, stage, tenant, start_s }) => {
  trySignIn(stage, start_s, attacker(draw), `${tenant.name}-old${draw.int(1, 99)}`, 'SUCCESS', null, {
    'attributes.last_seen_days': String(draw.int(95, 1_200)),
  });
};
export const dormantActive: Attack = ({ draw, stage, tenant, start_s }) => {
  const origin = attacker(draw);
  const account = `${tenant.name}-old${draw.int(1, 99)}`;
  trySignIn(stage, start_s, origin, account, 'SUCCESS', null, { 'attributes.last_seen_days': String(draw.int(95, 1_200)) });
  const token = personToken(draw, tenant, { id: account, roles: ['member'] }, start_s);
  paced(draw, start_s + draw.logBetween(20, 1_500), draw.int(1, 8), 40, (at) =>
    act(stage, at, token, origin, { action: draw.pick(SENSITIVE), resource_id: draw.hex(8), http_method: 'POST' }),
  );
};

/** A service's secret, tried at the door for people. */
export const serviceSignsIn: Attack = ({ draw, stage, tenant, start_s }) => {
  trySignIn(stage, start_s, attacker(draw), draw.pick(tenant.services), 'SUCCESS', null, { 'attributes.account_type': 'service' });
};
