import type { Target } from '@sealtrail/wire';
import { serviceOf } from './action.ts';
import { isObject, type JsonObject, listOf, objectAt, own, textAt } from './json.ts';

/** A request parameter that names what is acted on. docs/importing-cloudtrail.md shows this table. */
export interface ResourceParameter {
  readonly service: string;
  /** A name, or list and name with a dot between: each item of the list is a target. */
  readonly parameter: string;
  readonly type: string;
  /** Only for calls whose names hold this; empty for all. */
  readonly calls: string;
}

const parameter = (service: string, name: string, type: string, calls = ''): ResourceParameter => ({
  service,
  parameter: name,
  type,
  calls,
});

/** In order: the first that a record has is the resource, the others are related. */
export const RESOURCE_PARAMETERS: readonly ResourceParameter[] = [
  parameter('cloudformation', 'stackName', 'AWS::CloudFormation::Stack'),
  parameter('cloudtrail', 'name', 'AWS::CloudTrail::Trail'),
  parameter('cloudtrail', 'trailName', 'AWS::CloudTrail::Trail'),
  parameter('dynamodb', 'tableName', 'AWS::DynamoDB::Table'),
  parameter('ec2', 'instanceId', 'AWS::EC2::Instance'),
  parameter('ec2', 'instancesSet.instanceId', 'AWS::EC2::Instance'),
  parameter('ec2', 'groupId', 'AWS::EC2::SecurityGroup'),
  parameter('ec2', 'snapshotId', 'AWS::EC2::Snapshot'),
  parameter('ec2', 'imageId', 'AWS::EC2::Image'),
  parameter('ec2', 'volumeId', 'AWS::EC2::Volume'),
  parameter('ec2', 'keyName', 'AWS::EC2::KeyPair'),
  parameter('ec2', 'routeTableId', 'AWS::EC2::RouteTable'),
  parameter('ec2', 'internetGatewayId', 'AWS::EC2::InternetGateway'),
  parameter('ec2', 'networkInterfaceId', 'AWS::EC2::NetworkInterface'),
  parameter('ec2', 'allocationId', 'AWS::EC2::EIP'),
  parameter('ec2', 'subnetId', 'AWS::EC2::Subnet'),
  parameter('ec2', 'vpcId', 'AWS::EC2::VPC'),
  parameter('ecr', 'repositoryName', 'AWS::ECR::Repository'),
  parameter('ecs', 'cluster', 'AWS::ECS::Cluster'),
  parameter('eks', 'name', 'AWS::EKS::Cluster', 'Cluster'),
  parameter('events', 'name', 'AWS::Events::Rule', 'Rule'),
  parameter('guardduty', 'detectorId', 'AWS::GuardDuty::Detector'),
  parameter('iam', 'userName', 'AWS::IAM::User'),
  parameter('iam', 'roleName', 'AWS::IAM::Role'),
  parameter('iam', 'groupName', 'AWS::IAM::Group'),
  parameter('iam', 'instanceProfileName', 'AWS::IAM::InstanceProfile'),
  parameter('iam', 'policyArn', 'AWS::IAM::Policy'),
  parameter('kms', 'keyId', 'AWS::KMS::Key'),
  parameter('lambda', 'functionName', 'AWS::Lambda::Function'),
  parameter('logs', 'logGroupName', 'AWS::Logs::LogGroup'),
  parameter('rds', 'dBInstanceIdentifier', 'AWS::RDS::DBInstance'),
  parameter('rds', 'dBClusterIdentifier', 'AWS::RDS::DBCluster'),
  parameter('rds', 'dBSnapshotIdentifier', 'AWS::RDS::DBSnapshot'),
  parameter('rds', 'dBSubnetGroupName', 'AWS::RDS::DBSubnetGroup'),
  parameter('rolesanywhere', 'trustAnchorId', 'AWS::RolesAnywhere::TrustAnchor'),
  parameter('rolesanywhere', 'profileId', 'AWS::RolesAnywhere::Profile'),
  parameter('route53', 'hostedZoneId', 'AWS::Route53::HostedZone'),
  parameter('s3', 'bucketName', 'AWS::S3::Bucket'),
  parameter('secretsmanager', 'secretId', 'AWS::SecretsManager::Secret'),
  parameter('secretsmanager', 'name', 'AWS::SecretsManager::Secret', 'CreateSecret'),
  parameter('sns', 'topicArn', 'AWS::SNS::Topic'),
  parameter('sqs', 'queueUrl', 'AWS::SQS::Queue'),
  parameter('ssm', 'instanceId', 'AWS::EC2::Instance'),
  parameter('ssm', 'name', 'AWS::SSM::Parameter', 'Parameter'),
  parameter('ssm', 'names', 'AWS::SSM::Parameter', 'Parameter'),
  parameter('ssm', 'documentName', 'AWS::SSM::Document'),
  parameter('ssm', 'name', 'AWS::SSM::Document', 'Document'),
  parameter('sts', 'roleArn', 'AWS::IAM::Role'),
];

/** Types of resources that AWS lists by their ARN alone: service and first piece of the resource. */
export const ARN_TYPES: ReadonlyMap<string, string> = new Map([
  ['ec2:instance', 'AWS::EC2::Instance'],
  ['iam:role', 'AWS::IAM::Role'],
  ['iam:user', 'AWS::IAM::User'],
  ['kms:key', 'AWS::KMS::Key'],
  ['lambda:function', 'AWS::Lambda::Function'],
  ['secretsmanager:secret', 'AWS::SecretsManager::Secret'],
  ['ssm:association', 'AWS::SSM::Association'],
  ['ssm:document', 'AWS::SSM::Document'],
  ['ssm:parameter', 'AWS::SSM::Parameter'],
]);

const RESOURCES_READ_MAX = 256;

/**
 * What was acted on: the record's `resources` when it lists any, else the request parameters of the table. The first is
 * the resource; texts are not masked yet.
 */
export function targetsOf(record: JsonObject): readonly Target[] {
  const listed = listedResources(record);
  const found = listed.length > 0 ? listed : parameterResources(record);
  const seen = new Set<string>();
  return found.filter(({ type, id }) => {
    const name = `${type}\n${id}`;
    return !seen.has(name) && seen.add(name) !== undefined;
  });
}

function listedResources(record: JsonObject): readonly Target[] {
  const targets: Target[] = [];
  const resources = own(record, 'resources');
  for (const resource of Array.isArray(resources) ? resources.slice(0, RESOURCES_READ_MAX) : []) {
    if (!isObject(resource)) continue;
    const id = textAt(resource, 'ARN') ?? textAt(resource, 'ARNPrefix') ?? textAt(resource, 'resourceName');
    if (id !== null)
      targets.push({ type: textAt(resource, 'type') ?? textAt(resource, 'resourceType') ?? arnType(id) ?? serviceOf(record) ?? '', id });
  }
  return targets;
}

function arnType(id: string): string | null {
  const [arn, , service, , , resource = ''] = id.split(':');
  return arn === 'arn' ? (ARN_TYPES.get(`${service}:${resource.split('/')[0]}`) ?? null) : null;
}

function parameterResources(record: JsonObject): readonly Target[] {
  const service = serviceOf(record);
  const call = textAt(record, 'eventName') ?? '';
  const request = objectAt(record, 'requestParameters');
  return RESOURCE_PARAMETERS.filter((rule) => rule.service === service && call.includes(rule.calls)).flatMap((rule) =>
    idsAt(request, rule.parameter).map((id) => ({ type: rule.type, id })),
  );
}

function idsAt(request: JsonObject, path: string): readonly string[] {
  const [name = '', inner] = path.split('.');
  const value = own(request, name);
  const list = (listOf(value) ?? [value]).slice(0, RESOURCES_READ_MAX);
  const ids = inner === undefined ? list : list.map((item) => (isObject(item) ? own(item, inner) : undefined));
  return ids.filter((id): id is string => typeof id === 'string' && id !== '');
}
