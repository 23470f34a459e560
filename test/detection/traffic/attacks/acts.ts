import { act, DENIED, MISSING, objectId } from '../acts.ts';
import type { Fields } from '../event.ts';
import { personToken } from '../tokens.ts';
import type { Person } from '../world.ts';
import { type Attack, attacker, insider, paced, type Scene, victim } from './scene.ts';

const VERBS = ['read', 'list', 'create', 'update', 'delete', 'export', 'share', 'approve'] as const;
const ADMIN = [
  'admin.users.list',
  'admin.users.delete',
  'admin.settings.update',
  'admin.keys.list',
  'admin.billing.read',
  'role.grant',
  'user.create',
  'sso.update',
  'audit.disable',
  'api_key.create',
] as const;

/** Somebody with a token of their own, or a stolen one, at a desk or far away; the token is renewed while it goes on. */
function somebody(scene: Scene, kind?: Person['kind']): (at_s: number, fields: Fields) => void {
  const { draw, stage, tenant } = scene;
  const fitting =
    kind === undefined ? tenant.people.filter((person) => person.kind !== 'admin') : tenant.people.filter((person) => person.kind === kind);
  const person = draw.pick(fitting.length > 0 ? fitting : tenant.people);
  const origin = draw.chance(0.5) ? attacker(draw) : insider(person);
  let token = personToken(draw, tenant, person, scene.start_s - 1);
  let until_s = scene.start_s + 1_700;
  return (at_s, fields) => {
    if (at_s > until_s) {
      token = personToken(draw, tenant, person, at_s - 1);
      until_s = at_s + 1_700;
    }
    act(stage, at_s, token, origin, fields);
  };
}

/** Looks for doors that are open: one act after the other. */
export const deniedBurst: Attack = (scene) => {
  const { draw, tenant, start_s } = scene;
  const doing = somebody(scene);
  paced(draw, start_s, draw.int(25, 200), draw.logBetween(0.2, 12), (at) =>
    doing(at, {
      action: draw.chance(0.5) ? draw.pick(ADMIN) : `${draw.pick(tenant.resources)}.${draw.pick(VERBS)}`,
      resource_id: objectId(draw),
      ...(draw.chance(0.85) ? DENIED : {}),
    }),
  );
};

/** The same, patiently, over a working day. */
export const deniedSlowly: Attack = (scene) => {
  const { draw, tenant, day } = scene;
  const doing = somebody(scene);
  const begin_s = scene.stage.midnight_s + draw.between(1, 6) * 3_600 + (day.length > 0 ? 0 : 1);
  const acts = [...ADMIN, ...tenant.resources.flatMap((resource) => VERBS.map((verb) => `${resource}.${verb}`))];
  const tries = draw.int(20, 60);
  paced(draw, begin_s, tries, 50_000 / tries, (at) => doing(at, { action: draw.pick(acts), resource_id: objectId(draw), ...DENIED }));
};

/** Ids are counted through; some hit, most do not. */
export const enumeration: Attack = (scene) => {
  const { draw, tenant, start_s } = scene;
  const doing = somebody(scene);
  const action = `${draw.pick(tenant.resources)}.read`;
  const first = draw.int(1, 100_000);
  const hits = draw.between(0, 0.3);
  paced(draw, start_s, Math.round(draw.logBetween(150, 3_000)), draw.logBetween(0.05, 3), (at, i) =>
    doing(at, { action, resource_id: `o${first + i}`, ...(draw.chance(hits) ? {} : draw.chance(0.5) ? DENIED : MISSING) }),
  );
};

/** Before leaving for a competitor. */
export const fastExport: Attack = (scene) => {
  const { draw, tenant, start_s } = scene;
  const doing = somebody(scene);
  paced(draw, start_s, draw.int(60, 600), draw.logBetween(0.2, 5), (at, i) =>
    doing(at, { action: `${draw.pick(tenant.resources)}.${draw.pick(['export', 'download'])}`, resource_id: `x${i}`, http_method: 'POST' }),
  );
};
export const steadyExport: Attack = (scene) => {
  const { draw, tenant, start_s } = scene;
  const doing = somebody(scene);
  paced(draw, start_s, draw.int(160, 600), draw.logBetween(4, 22), (at, i) =>
    doing(at, { action: `${draw.pick(tenant.resources)}.export`, resource_id: `x${i}`, http_method: 'POST' }),
  );
};
export const scraping: Attack = (scene) => {
  const { draw, tenant, start_s } = scene;
  const doing = somebody(scene);
  const action = `${draw.pick(tenant.resources)}.read`;
  paced(draw, start_s, Math.round(draw.logBetween(900, 4_000)), draw.logBetween(0.05, 0.9), (at, i) =>
    doing(at, { action, resource_id: `s${i}` }),
  );
};
export const destruction: Attack = (scene) => {
  const { draw, tenant, start_s } = scene;
  const doing = somebody(scene);
  const action = `${draw.pick(tenant.resources)}.delete`;
  paced(draw, start_s, Math.round(draw.logBetween(400, 3_000)), draw.logBetween(0.05, 1), (at, i) =>
    doing(at, { action, resource_id: `d${i}`, http_method: 'DELETE' }),
  );
};

const otherTenant = ({ draw, tenant, tenants }: Scene): string => draw.pick(tenants.filter(({ name }) => name !== tenant.name)).name;
export const tenantCrossing: Attack = (scene) => {
  const { draw, tenant, start_s } = scene;
  const doing = somebody(scene);
  const owner = otherTenant(scene);
  paced(draw, start_s, draw.int(1, 30), draw.logBetween(1, 60), (at) =>
    doing(at, { action: `${draw.pick(tenant.resources)}.read`, resource_id: objectId(draw), 'attributes.owner_tenant': owner }),
  );
};
export const tenantCrossingTries: Attack = (scene) => {
  const { draw, tenant, start_s } = scene;
  const doing = somebody(scene);
  const owner = otherTenant(scene);
  paced(draw, start_s, draw.int(15, 200), draw.logBetween(0.2, 25), (at) =>
    doing(at, {
      action: `${draw.pick(tenant.resources)}.read`,
      resource_id: objectId(draw),
      'attributes.owner_tenant': owner,
      ...(draw.chance(0.5) ? DENIED : MISSING),
    }),
  );
};

/** An API that lets people change roles that they may not change. */
const grant = (to: string, role: string): Fields => ({
  action: 'role.grant',
  resource_id: to,
  http_method: 'POST',
  'attributes.role': role,
});
export const roleChanged: Attack = (scene) =>
  somebody(scene)(scene.start_s, grant(victim(scene).id, scene.draw.pick(['editor', 'exporter', 'approver'])));
export const privilegedGrant: Attack = (scene) =>
  somebody(scene)(scene.start_s, grant(victim(scene).id, scene.draw.pick(['admin', 'owner', 'tenant_admin'])));
export const selfGrant: Attack = (scene) => {
  const { draw, stage, tenant, start_s } = scene;
  const person = victim(scene);
  act(
    stage,
    start_s,
    personToken(draw, tenant, person, start_s - 9),
    insider(person),
    grant(person.id, draw.pick(['admin', 'exporter', 'approver', 'owner'])),
  );
};
export const backdoor: Attack = (scene) => {
  const { draw, stage, tenant, start_s } = scene;
  const doing = somebody(scene);
  const account = `${draw.pick(['svc-backup', 'support', 'sysadmin'])}-${draw.hex(4)}`;
  doing(start_s, { action: 'user.create', resource_id: account, http_method: 'POST' });
  const granted_s = start_s + draw.logBetween(5, 600);
  doing(granted_s, grant(account, draw.pick(['admin', 'owner', 'tenant_admin'])));
  const used_s = granted_s + draw.logBetween(30, 2_400);
  const token = personToken(draw, tenant, { id: account, roles: ['member', 'tenant_admin'] }, used_s - 2);
  const origin = attacker(draw);
  paced(draw, used_s, draw.int(1, 10), 20, (at) =>
    act(stage, at, token, origin, {
      action: draw.pick(['customer.export', 'api_key.create', 'audit.retention.update', 'document.export']),
      resource_id: draw.hex(8),
      http_method: 'POST',
    }),
  );
};
export const adminWithoutRole: Attack = (scene) => {
  const { draw, stage, tenant, start_s } = scene;
  const people = tenant.people.filter(({ roles }) => !roles.includes('tenant_admin') && !roles.includes('support'));
  const person = draw.pick(people.length > 0 ? people : tenant.people);
  const token = personToken(draw, tenant, person, start_s - 4);
  paced(draw, start_s, draw.int(1, 20), draw.logBetween(1, 60), (at) =>
    act(stage, at, token, insider(person), { action: draw.pick(ADMIN.slice(0, 5)) }),
  );
};
export const nightGrant: Attack = (scene) => {
  const { draw, stage } = scene;
  somebody(scene, 'admin')(stage.midnight_s + draw.between(0.1, 4.8) * 3_600, grant(victim(scene).id, 'approver'));
};
export const spareKeys: Attack = (scene) => {
  const { draw, start_s } = scene;
  const doing = somebody(scene);
  paced(draw, start_s, draw.int(10, 60), draw.logBetween(0.3, 25), (at) =>
    doing(at, { action: 'api_key.create', resource_id: `key-${draw.hex(8)}`, http_method: 'POST' }),
  );
};
export const ssoChanged: Attack = (scene) =>
  somebody(scene, 'admin')(scene.start_s, {
    action: scene.draw.pick(['sso.update', 'idp.update', 'mfa_policy.update']),
    resource_id: 'saml-1',
    http_method: 'PUT',
  });
export const weakened: Attack = (scene) => {
  const { draw, start_s } = scene;
  const doing = somebody(scene, 'admin');
  doing(start_s, {
    action: draw.pick(['sso.update', 'password_policy.update', 'mfa_policy.update']),
    resource_id: 'default',
    http_method: 'PUT',
  });
  doing(start_s + draw.logBetween(20, 2_500), { action: 'mfa.disable', resource_id: victim(scene).id, http_method: 'POST' });
};
export const impersonation: Attack = (scene) => {
  const { draw, start_s } = scene;
  const doing = somebody(scene, 'support');
  paced(draw, start_s, draw.int(1, 6), 300, (at) =>
    doing(at, { action: 'user.impersonate', resource_id: `customer-${draw.int(1, 900)}`, http_method: 'POST' }),
  );
};
export const scanner: Attack = (scene) => {
  const { draw, stage, tenant, start_s } = scene;
  const agent = draw.pick([
    'sqlmap/1.8.4#stable (https://sqlmap.org)',
    'Mozilla/5.00 (Nikto/2.5.0) (Evasions:None) (Test:000001)',
    'Mozilla/5.0 (compatible; Nuclei - Open-source project)',
    'gobuster/3.6',
    'Fuzz Faster U Fool v2.1.0',
    'jwt_tool',
  ]);
  const token = personToken(draw, tenant, victim(scene), start_s - 4);
  paced(draw, start_s, Math.round(draw.logBetween(5, 200)), draw.logBetween(0.02, 1), (at) =>
    act(stage, at, token, attacker(draw, agent), {
      action: `${draw.pick(tenant.resources)}.${draw.pick(VERBS)}`,
      resource_id: draw.hex(6),
      ...MISSING,
    }),
  );
};
export const auditTampering: Attack = (scene) =>
  somebody(scene, 'admin')(scene.start_s, {
    action: scene.draw.pick(['audit.disable', 'audit.delete', 'audit.purge', 'audit.sink.delete']),
    resource_id: 'default',
    http_method: 'POST',
    ...(scene.draw.chance(0.3) ? DENIED : {}),
  });
export const auditSettings: Attack = (scene) =>
  somebody(scene, 'admin')(scene.start_s, {
    action: scene.draw.pick(['audit.settings.update', 'audit.retention.update', 'audit.access.update']),
    resource_id: 'default',
    http_method: 'PUT',
  });
export const awsWatcher: Attack = (scene) => {
  const { draw, stage, start_s } = scene;
  const origin = attacker(draw, 'aws-cli/2.17.0');
  const actor: Fields = {
    actor_type: 'USER',
    actor_id: 'arn:aws:iam::111122223333:user/deploy',
    token_status: 'ABSENT',
    token_id_hash: draw.hex(64),
  };
  act(stage, start_s, actor, origin, {
    action: draw.pick(['cloudtrail:StopLogging', 'cloudtrail:DeleteTrail', 'guardduty:DeleteDetector', 'ec2:DeleteFlowLogs']),
    resource_type: 'AWS::CloudTrail::Trail',
    resource_id: 'main',
    http_method: null,
    http_route: null,
    http_status: null,
    producer: 'cloudtrail',
  });
};
