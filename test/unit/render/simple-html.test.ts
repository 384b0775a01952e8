import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { DistributionFile, Project } from '#src/backend.js'
import { normalizeName } from '#src/packaging/name.js'
import type { LinkOptions } from '#src/render/file-links.js'
import { projectHtml, projectListHtml } from '#src/render/simple-html.js'
import { distributionFile, fromProjectPage, project } from './projects.js'

/** The lines of a page that have a link. */
function anchors(page: string): readonly string[] {
  return page.split('\n').filter((line) => line.includes('<a '))
}

function projectList(names: readonly string[]): string {
  return [...projectListHtml(names.map((name) => ({ name: normalizeName(name) })))].join('')
}

/** The link to a file on its project's page. */
function anchor(file: DistributionFile, options: Partial<LinkOptions> = {}): string | undefined {
  return anchors(projectHtml(project([file]), { ...fromProjectPage, ...options }))[0]
}

function metas(rest: Partial<Project>): readonly string[] {
  const page = projectHtml(project([], rest), fromProjectPage)
  return page.split('\n').filter((line) => line.includes('pypi:'))
}

test('a project page lists its files one a line under its name', () => {
  const files = [distributionFile('demo-1.0.tar.gz'), distributionFile('demo-1.0-py3-none-any.whl')]
  assert.equal(
    projectHtml(project(files), fromProjectPage),
    [
      '<!DOCTYPE html>',
      '<html lang="en">',
      '<head>',
      '<meta charset="utf-8">',
      '<meta name="viewport" content="width=device-width, initial-scale=1">',
      '<meta name="pypi:repository-version" content="1.4">',
      '<title>Links for demo</title>',
      '</head>',
      '<body>',
      '<h1>Links for demo</h1>',
      '<a href="../../packages/demo-1.0.tar.gz#sha256=aa">demo-1.0.tar.gz</a><br>',
      '<a href="../../packages/demo-1.0-py3-none-any.whl#sha256=aa">demo-1.0-py3-none-any.whl</a><br>',
      '</body>',
      '</html>',
      '',
    ].join('\n'),
  )
})

test('a file tells its Python versions, metadata and signature in attributes', () => {
  const file = distributionFile('demo-1.0.zip', {
    requiresPython: '>=3.8,<4',
    coreMetadata: { sha256: 'bb' },
    hasSignature: true,
  })
  assert.equal(
    anchor(file),
    '<a href="../../packages/demo-1.0.zip#sha256=aa" data-requires-python="&#62;=3.8,&#60;4" data-core-metadata="sha256=bb" data-gpg-sig="true">demo-1.0.zip</a><br>',
  )
})

test('metadata of unknown digest is announced all the same', () => {
  assert.match(anchor(distributionFile('demo-1.0.zip', { coreMetadata: {} })) ?? '', / data-core-metadata="true">/)
})

for (const [what, yanked, attribute] of [
  [
    'with a reason tells it',
    { reason: 'breaks <everything> & "more"' },
    'breaks &#60;everything&#62; &#38; &#34;more&#34;',
  ],
  ['without a reason has an empty attribute', {}, ''],
] as const)
  test(`a file that was yanked ${what}`, () => {
    const line = anchor(distributionFile('demo-1.0.zip', { yanked }))
    assert.equal(
      line,
      `<a href="../../packages/demo-1.0.zip#sha256=aa" data-yanked="${attribute}">demo-1.0.zip</a><br>`,
    )
  })

test('a file that is still being hashed has no fragment', () => {
  assert.equal(
    anchor(distributionFile('demo-1.0.zip', { hashes: {} })),
    '<a href="../../packages/demo-1.0.zip">demo-1.0.zip</a><br>',
  )
})

for (const [fragment, href] of [
  [undefined, '../../packages/demo-1.0.zip#sha256=aa'],
  ['sha256', '../../packages/demo-1.0.zip#sha256=aa'],
  ['md5', '../../packages/demo-1.0.zip#md5=bb'],
  ['sha512', '../../packages/demo-1.0.zip'],
  [false, '../../packages/demo-1.0.zip'],
] as const)
  test(`with ${fragment === undefined ? 'no fragment setting' : `the fragment ${fragment}`} a link leads to ${href}`, () => {
    const file = distributionFile('demo-1.0.zip', { hashes: { md5: 'bb', sha256: 'aa' } })
    const line = anchor(file, fragment === undefined ? {} : { fragment })
    assert.equal(line, `<a href="${href}">demo-1.0.zip</a><br>`)
  })

for (const [path, href] of [
  ['sub folder/demo-1.0.zip', 'sub%20folder/demo-1.0.zip'],
  ['demo-1.0+cu12.zip', 'demo-1.0%2Bcu12.zip'],
  ['a#b?c%d-1.0.zip', 'a%23b%3Fc%25d-1.0.zip'],
  ['日本-1.0.zip', '%E6%97%A5%E6%9C%AC-1.0.zip'],
  [`a"b'c<d>e&f-1.0.zip`, 'a%22b&#39;c%3Cd%3Ee%26f-1.0.zip'],
] as const)
  test(`the link to ${path} is ${href}`, () => {
    const line = anchor(distributionFile('demo-1.0.zip', { path, hashes: {} }))
    assert.equal(line, `<a href="../../packages/${href}">demo-1.0.zip</a><br>`)
  })

test('the name of a file is escaped where it is shown', () => {
  const line = anchor(distributionFile(`a"b'c<d>e&f-1.0.zip`, { path: 'x', hashes: {} }))
  assert.equal(line, '<a href="../../packages/x">a&#34;b&#39;c&#60;d&#62;e&#38;f-1.0.zip</a><br>')
})

for (const toRoot of ['../../', './'])
  test(`a file named like a script is no script when the page leads back by ${toRoot}`, () => {
    const file = distributionFile('javascript:alert(1)-1.0.tar.gz')
    const [, href = ''] = /href="([^"]*)"/.exec(anchor(file, { toRoot }) ?? '') ?? []
    const url = new URL(href, 'http://host/simple/javascript-alert/')
    assert.deepEqual([url.protocol, url.host], ['http:', 'host'])
    assert.match(url.pathname, /packages\/javascript%3Aalert\(1\)-1\.0\.tar\.gz$/)
  })

test('the status of a project stands in the head, with its reason', () => {
  assert.deepEqual(metas({ status: { status: 'quarantined', reason: 'looks "bad"' } }), [
    '<meta name="pypi:repository-version" content="1.4">',
    '<meta name="pypi:project-status" content="quarantined">',
    '<meta name="pypi:project-status-reason" content="looks &#34;bad&#34;">',
  ])
})

test('a status without reason has no reason in the head', () => {
  assert.deepEqual(metas({ status: { status: 'archived' } }), [
    '<meta name="pypi:repository-version" content="1.4">',
    '<meta name="pypi:project-status" content="archived">',
  ])
})

test('the project list links every project, relative to itself', () => {
  const page = projectList(['demo', 'zope-interface'])
  assert.deepEqual(anchors(page), ['<a href="demo/">demo</a><br>', '<a href="zope-interface/">zope-interface</a><br>'])
  assert.match(page, /<meta name="pypi:repository-version" content="1\.4">/)
})

test('strange project names are encoded in links and escaped in text', () => {
  const page = projectList(['javascript:alert(1)', `<b>&"'`, 'a b/c', '日本'])
  assert.deepEqual(anchors(page), [
    '<a href="javascript%3Aalert(1)/">javascript:alert(1)</a><br>',
    '<a href="%3Cb%3E%26%22&#39;/">&#60;b&#62;&#38;&#34;&#39;</a><br>',
    '<a href="a%20b%2Fc/">a b/c</a><br>',
    '<a href="%E6%97%A5%E6%9C%AC/">日本</a><br>',
  ])
})

test('a long list links every project once, in order', () => {
  const names = Array.from({ length: 2001 }, (_, index) => `p${index}`)
  assert.deepEqual(
    anchors(projectList(names)),
    names.map((name) => `<a href="${name}/">${name}</a><br>`),
  )
})

test('an empty index has a page without links', () => {
  assert.deepEqual(anchors(projectList([])), [])
})
