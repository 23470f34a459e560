import type { Draw } from './draw.ts';
import type { Fields, Stage } from './event.ts';
import type { Person, Tenant } from './world.ts';

export const TOKEN_S = 1_800;

/** The actor of a request without a token. */
export const NOBODY: Fields = Object.freeze({
  actor_type: 'ANONYMOUS',
  actor_id: '',
  token_status: 'ABSENT',
  token_id_hash: null,
  token_algorithm: null,
});

/** What a verified token says of a person. */
export function personToken(draw: Draw, tenant: Tenant, person: Pick<Person, 'id' | 'roles'>, issued_s: number, client = 'web'): Fields {
  return {
    actor_type: 'USER',
    actor_id: person.id,
    actor_issuer: tenant.issuer,
    actor_client_id: client,
    actor_roles: person.roles,
    actor_scopes: ['api'],
    token_status: 'VERIFIED',
    token_id_hash: draw.hex(64),
    session_id_hash: draw.hex(64),
    token_key_id: 'k-1',
    token_algorithm: 'RS256',
    token_issued_at: Math.floor(issued_s) * 1_000,
    token_expires_at: (Math.floor(issued_s) + TOKEN_S) * 1_000,
  };
}

export function serviceToken(draw: Draw, tenant: Tenant, service: string, issued_s: number): Fields {
  return {
    ...personToken(draw, tenant, { id: service, roles: ['service'] }, issued_s, service),
    actor_type: 'SERVICE',
    session_id_hash: null,
  };
}

/** What is taken over of a token that does not verify: who it claims to be, nothing that grants. */
export function refusedToken(token: Fields, changes: Fields = {}): Fields {
  return {
    ...token,
    actor_type: 'ANONYMOUS',
    actor_client_id: null,
    actor_roles: [],
    actor_scopes: [],
    token_status: 'INVALID',
    session_id_hash: null,
    token_key_id: null,
    ...changes,
  };
}

/** The event that the middleware writes for a token that failed. */
export function refuse(stage: Stage, time_s: number, actor: Fields, origin: Fields, reason: string, route: string, trace: string): void {
  stage.emit(time_s, {
    actor,
    origin,
    act: {
      action: 'token.verify',
      resource_type: 'token',
      resource_id: '',
      outcome: 'DENIED',
      reason,
      http_method: 'GET',
      http_route: route,
      http_status: 401,
      trace_id: trace,
      producer: 'web-api',
      delivery: 'ROUTINE',
    },
  });
}
