import { act } from '../acts.ts';
import type { Fields } from '../event.ts';
import { personToken, refuse, refusedToken, serviceToken } from '../tokens.ts';
import { browserAgent, FAR_COUNTRIES, publicAddress } from '../world.ts';
import { type Attack, attacker, liveToken, paced, type Scene, victim } from './scene.ts';

/** Uses a copied token while its owner goes on working. */
function replay(scene: Scene, from: (own: Fields) => () => Fields, acts: number, pace_s: number): void {
  const { draw, stage, tenant } = scene;
  const own = liveToken(scene);
  if (own === null) return;
  const origin = from(own.origin);
  const left_s = Number(own.actor['token_expires_at']) / 1_000 - own.time_us / 1e6;
  paced(draw, own.time_us / 1e6 + draw.between(2, 150), acts, Math.min(pace_s, (left_s - 200) / acts), (at) =>
    act(stage, at, own.actor, origin(), {
      action: `${draw.pick(tenant.resources)}.${draw.pick(['read', 'list'])}`,
      resource_id: `o${draw.int(1, 400_000)}`,
    }),
  );
}

/** By another machine, as an infostealer's buyer does. */
export const tokenReplay: Attack = (scene) => {
  const { draw } = scene;
  const thief = attacker(draw);
  replay(scene, () => () => thief, draw.int(2, 30), draw.logBetween(0.5, 20));
};

/** With the victim's agent copied too, from another country. */
export const tokenReplayAbroad: Attack = (scene) => {
  const { draw } = scene;
  replay(
    scene,
    (own) => {
      const thief = {
        ...attacker(draw, String(own['user_agent'])),
        'attributes.source_country': draw.pick(FAR_COUNTRIES.filter((far) => far !== own['attributes.source_country'])),
      };
      return () => thief;
    },
    draw.int(2, 30),
    draw.logBetween(0.5, 20),
  );
};

/** Sold to many, or through a pool of proxies of the victim's own country. */
export const tokenPool: Attack = (scene) => {
  const { draw } = scene;
  replay(
    scene,
    (own) => {
      const pool = Array.from({ length: draw.int(8, 60) }, () => ({ ...own, source_ip: publicAddress(draw) }));
      return () => draw.pick(pool);
    },
    draw.int(20, 120),
    draw.logBetween(0.5, 12),
  );
};

export const refreshReuse: Attack = (scene) => {
  const { draw, stage, tenant, start_s } = scene;
  act(stage, start_s, personToken(draw, tenant, victim(scene), start_s - 40), attacker(draw), {
    action: 'token.refresh',
    http_method: 'POST',
    http_route: '/token',
    outcome: 'DENIED',
    reason: 'refresh_token_reused',
    http_status: 400,
    producer: 'auth-api',
  });
};

/** A handler that forgot to ask. */
export const refusedAccepted: Attack = (scene) => {
  const { draw, stage, tenant, start_s } = scene;
  const origin = attacker(draw);
  paced(draw, start_s, draw.int(1, 20), draw.logBetween(1, 30), (at) => {
    const token = refusedToken(personToken(draw, tenant, victim(scene), at - 100));
    const trace = draw.hex(32);
    refuse(stage, at, token, origin, 'signature_invalid', '/', trace);
    act(stage, at + 0.05, token, origin, {
      action: `${draw.pick(tenant.resources)}.read`,
      resource_id: `o${draw.int(1, 9_999)}`,
      trace_id: trace,
    });
  });
};
export const expiredAccepted: Attack = (scene) => {
  const { draw, stage, tenant, start_s } = scene;
  const origin = attacker(draw);
  const token = refusedToken(personToken(draw, tenant, victim(scene), start_s - draw.logBetween(2_000, 3_000_000)));
  paced(draw, start_s, draw.int(1, 12), draw.logBetween(1, 30), (at) => {
    const trace = draw.hex(32);
    refuse(stage, at, token, origin, 'expired', '/', trace);
    act(stage, at + 0.05, token, origin, {
      action: `${draw.pick(tenant.resources)}.read`,
      resource_id: `o${draw.int(1, 9_999)}`,
      trace_id: trace,
    });
  });
};

/** A service whose emitter was made to believe any identity. */
export const usedAfterExpiry: Attack = (scene) => {
  const { draw, stage, tenant, start_s } = scene;
  const token = personToken(draw, tenant, victim(scene), start_s - draw.logBetween(3_000, 400_000));
  const origin = attacker(draw);
  paced(draw, start_s, draw.int(2, 15), 10, (at) =>
    act(stage, at, token, origin, {
      action: `${draw.pick(tenant.resources)}.update`,
      resource_id: `o${draw.int(1, 9_999)}`,
      http_method: 'PATCH',
    }),
  );
};
export const fromTheFuture: Attack = (scene) => {
  const { draw, stage, tenant, start_s } = scene;
  const token = personToken(draw, tenant, victim(scene), start_s + draw.logBetween(400, 1_000_000));
  const origin = attacker(draw);
  paced(draw, start_s, draw.int(1, 15), 10, (at) =>
    act(stage, at, token, origin, { action: `${draw.pick(tenant.resources)}.read`, resource_id: `o${draw.int(1, 9_999)}` }),
  );
};

/** Tokens out of an old log, tried one after the other. */
export const expiredCollection: Attack = (scene) => {
  const { draw, stage, tenant, start_s } = scene;
  const person = victim(scene);
  const origin = attacker(draw);
  paced(draw, start_s, draw.int(8, 60), draw.logBetween(0.3, 25), (at) =>
    refuse(
      stage,
      at,
      refusedToken(personToken(draw, tenant, person, at - draw.logBetween(3_000, 5_000_000))),
      origin,
      'expired',
      '/',
      draw.hex(32),
    ),
  );
};

function forge(scene: Scene, times: number, pace_s: number, how: (i: number) => readonly [reason: string, changes: Fields]): void {
  const { draw, stage, tenant, start_s } = scene;
  const origin = attacker(draw);
  const token = personToken(draw, tenant, victim(scene), start_s - 300);
  paced(draw, start_s, times, pace_s, (at, i) => {
    const [reason, changes] = how(i);
    refuse(stage, at, refusedToken(token, changes), origin, reason, '/', draw.hex(32));
  });
}
export const unsignedToken: Attack = (scene) =>
  forge(scene, scene.draw.int(1, 12), scene.draw.logBetween(0.5, 30), () => ['algorithm_not_allowed', { token_algorithm: null }]);
export const otherAlgorithm: Attack = (scene) =>
  forge(scene, scene.draw.int(1, 12), scene.draw.logBetween(0.5, 30), () => ['algorithm_not_allowed', { token_algorithm: 'PS512' }]);
/** Other names in the claims, or the same claims with one signature after the other. */
export const alteredClaims: Attack = (scene) => {
  const { draw, tenant } = scene;
  const names = draw.chance(0.8);
  forge(scene, names ? draw.int(5, 300) : draw.int(60, 3_000), draw.logBetween(0.1, names ? 20 : 2), () => [
    'signature_invalid',
    names ? { actor_id: `${tenant.name}-u${draw.int(0, 40)}` } : {},
  ]);
};
export const unknownIssuer: Attack = (scene) =>
  forge(scene, scene.draw.int(1, 20), scene.draw.logBetween(0.5, 30), () => [
    'unknown_issuer',
    { actor_issuer: 'https://idp.evil.example' },
  ]);
export const unknownIssuers: Attack = (scene) =>
  forge(scene, scene.draw.int(8, 60), scene.draw.logBetween(0.5, 60), (i) => [
    'unknown_issuer',
    {
      actor_issuer:
        ['https://accounts.google.com', 'https://idp.evil.example', 'https://localhost', 'self', 'https://sts.windows.net/x/'][i % 5] ?? '',
    },
  ]);

/** A tool that tries what a verifier lets through, trick after trick. */
export const tokenProbing: Attack = (scene) => {
  const { draw } = scene;
  const tricks = (
    [
      'algorithm_not_allowed',
      'signature_invalid',
      'unknown_issuer',
      'claim_missing',
      'wrong_audience',
      'wrong_type',
      'claim_invalid',
      'token_malformed',
      'key_not_found',
      'key_unusable',
      'expired',
    ] as const
  ).filter(() => draw.chance(0.75));
  forge(scene, draw.int(15, 120), draw.logBetween(0.1, 20), (i) => {
    const reason = tricks[i % Math.max(1, tricks.length)] ?? 'signature_invalid';
    return [reason, reason === 'algorithm_not_allowed' ? { token_algorithm: null } : {}];
  });
};

/** A service's secret in somebody's browser. */
export const serviceInBrowser: Attack = ({ draw, stage, tenant, start_s }) => {
  const token = serviceToken(draw, tenant, draw.pick(tenant.services), start_s);
  const origin = attacker(draw, browserAgent(draw));
  paced(draw, start_s, draw.int(1, 40), draw.logBetween(2, 60), (at) =>
    act(stage, at, token, origin, {
      action: `${draw.pick(tenant.resources)}.${draw.pick(['read', 'list'])}`,
      resource_id: `o${draw.int(1, 9_999)}`,
    }),
  );
};
