import { createReleaseMetadataReader } from '../domain/release-metadata.js'
import { PypiServerError } from '../errors.js'
import { projectFeed, projectsFeed, updatesFeed } from './feeds.js'
import { fileList, toFileListSlash } from './file-list.js'
import { downloadFile } from './files.js'
import { postForm } from './forms.js'
import { describeApi, getStatus, remove, setStatus, unyank, yank } from './manage.js'
import { micropythonProject } from './micropython.js'
import { projectJson } from './project-json.js'
import { serveProvenance } from './provenance.js'
import type { Route } from './route.js'
import { projectList, projectPage, toProject, toProjectPage, toSlash } from './simple.js'
import { favicon, health, metrics } from './status.js'
import { welcome } from './welcome.js'
import { xmlRpc } from './xmlrpc.js'

/**
 * Every route of one app. Fixed paths win over parameters, whatever their order.
 * @throws ERR_PYPI_CONFIG when one of the two endpoints is the path of another route
 */
export function routeTable(healthEndpoint: string, metricsEndpoint?: string): readonly Route[] {
  const chosen: readonly Route[] = [
    { method: 'GET', path: healthEndpoint, action: 'public', handler: health },
    ...(metricsEndpoint === undefined ? [] : [metricsRoute(metricsEndpoint)]),
  ]
  const routes = [...chosen, ...fixedRoutes()]
  for (const [key, endpoint] of Object.entries({ healthEndpoint, metricsEndpoint })) {
    if (routes.filter(({ path }) => path === endpoint).length <= 1) continue
    throw new PypiServerError('ERR_PYPI_CONFIG', `${key}: ${endpoint} is the path of another route`)
  }
  return routes
}

function metricsRoute(path: string): Route {
  return { method: 'GET', path, action: 'public', handler: metrics }
}

const provenancePath = '/integrity/:project/:version/:filename/provenance'

function managementRoutes(): readonly Route[] {
  const project = '/api/projects/:project'
  const release = `${project}/releases/:version`
  const file = `${project}/files/:filename`
  return [
    { method: 'GET', path: '/api/openapi.json', action: 'list', handler: describeApi },
    { method: 'PUT', path: `${release}/yank`, action: 'yank', handler: yank },
    { method: 'DELETE', path: `${release}/yank`, action: 'yank', handler: unyank },
    { method: 'PUT', path: `${file}/yank`, action: 'yank', handler: yank },
    { method: 'DELETE', path: `${file}/yank`, action: 'yank', handler: unyank },
    { method: 'DELETE', path: project, action: 'remove', handler: remove },
    { method: 'DELETE', path: release, action: 'remove', handler: remove },
    { method: 'DELETE', path: file, action: 'remove', handler: remove },
    { method: 'GET', path: `${project}/status`, action: 'list', handler: getStatus },
    { method: 'PUT', path: `${project}/status`, action: 'admin', handler: setStatus },
  ]
}

function fixedRoutes(): readonly Route[] {
  const readMetadata = createReleaseMetadataReader()
  return [
    { method: 'GET', path: '/favicon.ico', action: 'public', handler: favicon },
    { method: 'GET', path: '/', action: 'public', handler: welcome },
    { method: 'GET', path: '/simple', action: 'list', handler: toSlash },
    { method: 'GET', path: '/simple/', action: 'list', handler: projectList },
    { method: 'GET', path: '/simple/:project', action: 'list', handler: toProjectPage },
    { method: 'GET', path: '/simple/:project/', action: 'list', handler: projectPage },
    { method: 'GET', path: '/packages', action: 'list', handler: toFileListSlash },
    { method: 'GET', path: '/packages/', action: 'list', handler: fileList },
    { method: 'GET', path: '/packages/*', action: 'download', handler: downloadFile },
    { method: 'GET', path: provenancePath, action: 'download', handler: serveProvenance },
    { method: 'GET', path: '/pypi/:project/json', action: 'list', handler: projectJson(readMetadata) },
    { method: 'GET', path: '/pypi/:project/json/', action: 'list', handler: projectJson(readMetadata) },
    { method: 'GET', path: '/pypi/:project/:version/json', action: 'list', handler: projectJson(readMetadata) },
    { method: 'GET', path: '/pypi/:project/:version/json/', action: 'list', handler: projectJson(readMetadata) },
    { method: 'GET', path: '/rss/updates.xml', action: 'list', handler: updatesFeed(readMetadata) },
    { method: 'GET', path: '/rss/packages.xml', action: 'list', handler: projectsFeed(readMetadata) },
    { method: 'GET', path: '/rss/project/:project/releases.xml', action: 'list', handler: projectFeed(readMetadata) },
    ...managementRoutes(),
    { method: 'GET', path: '/:project/json', action: 'list', handler: micropythonProject },
    { method: 'GET', path: '/:project', action: 'public', handler: toProject },
    { method: 'GET', path: '/:project/', action: 'public', handler: toProject },
    { method: 'POST', path: '/', action: 'upload', handler: postForm },
    { method: 'POST', path: '/legacy', action: 'upload', handler: postForm },
    { method: 'POST', path: '/legacy/', action: 'upload', handler: postForm },
    { method: 'POST', path: '/RPC2', action: 'list', handler: xmlRpc(readMetadata) },
    { method: 'POST', path: '/RPC2/', action: 'list', handler: xmlRpc(readMetadata) },
    { method: 'POST', path: '/pypi', action: 'list', handler: xmlRpc(readMetadata) },
    { method: 'POST', path: '/pypi/', action: 'list', handler: xmlRpc(readMetadata) },
  ]
}
