export { type App, createApp } from './app.js'
export type {
  Action,
  ActionGroup,
  AuthContext,
  Auther,
  Authorizer,
  Awaitable,
  Identify,
  Identity,
  Scope,
} from './auth/auther.js'
export { anyOf, type CachedOptions, cached } from './auth/combine.js'
export { type HtpasswdAuther, type HtpasswdOptions, htpasswd } from './auth/htpasswd.js'
export {
  type PasswordStatistics,
  type PasswordVerifier,
  type PasswordWorkerOptions,
  passwordWorker,
} from './auth/password-worker.js'
export { type RuleContext, type RulesAuthorizer, type RulesOptions, rules } from './auth/rules.js'
export { createToken, type IssuedToken, listTokens, type NewToken, revokeToken } from './auth/token-file.js'
export type { TokenInfo } from './auth/token-records.js'
export { type TokenAuther, type TokenIdentity, type TokensOptions, tokens } from './auth/tokens.js'
export type {
  AuditEntry,
  Backend,
  ByteReader,
  Candidate,
  Change,
  ChangesOptions,
  DistributionFile,
  DistributionFilename,
  FileAtHand,
  FilePart,
  LocalFile,
  NormalizedName,
  OpenedFile,
  OpenFileOptions,
  Project,
  ProjectChange,
  ProjectStatus,
  ProjectSummary,
  PublishOptions,
  ReadOptions,
  RemoveOptions,
  RequestedRange,
  Verification,
  Yank,
} from './backend.js'
export { type DescribeOptions, describeCandidate } from './backends/describe-candidate.js'
export {
  type Diagnosis,
  type DiagnosisOptions,
  diagnoseDirectories,
  type Finding,
  type FindingKind,
} from './backends/directory/diagnosis.js'
export { type DirectoryBackend, type DirectoryOptions, directory } from './backends/directory/directory.js'
export { uploadedProjects } from './backends/directory/project-documents.js'
export { type BytesState, describePart, openBytes, type PartState } from './backends/open-bytes.js'
export type { Config } from './config.js'
export type { DiagnosticsMap, DiagnosticsSource } from './diagnostics.js'
export type { AttestationsSetting, AttestationTrust, TrustedPublisher } from './domain/attestation-policy.js'
export type { Validation } from './domain/inspector.js'
export {
  createManagement,
  type Management,
  type ManagementOptions,
  type RemovalOptions,
  type Target,
} from './domain/management.js'
export { isNamePattern, type NameRule, nameRule } from './domain/name-rule.js'
export type { Hooks } from './domain/publishing.js'
export type { FetchHandler, FetchOptions } from './edge/fetch.js'
export type { NodeHandler, NodeRequest, NodeResponse } from './edge/node.js'
export type { RequestReport } from './edge/observation.js'
export { PypiServerError, type PypiServerErrorCode } from './errors.js'
export type { EventMap, Events, Listener, Listeners } from './events.js'
export { defaultLimits, type Limits } from './limits.js'
export { type Logger, type LogMethod, silentLogger } from './logger.js'
export { type ParsedFilename, parseFilename } from './packaging/filename.js'
export { isProjectName, normalizeName } from './packaging/name.js'
export { compareVersions, isPrerelease, normalizeVersion, releaseKey } from './packaging/version.js'
export { version } from './version.js'
