import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseCoreMetadata } from '#src/packaging/core-metadata.js'
import { releaseInfo } from '#src/render/release-info.js'

const infoOf = (...lines: readonly string[]) => releaseInfo(parseCoreMetadata(`${lines.join('\n')}\n`))

test('a release without metadata has empty texts and nulls', () => {
  assert.deepEqual(releaseInfo(undefined), {
    summary: '',
    description: '',
    description_content_type: null,
    keywords: '',
    license: null,
    license_expression: null,
    license_files: null,
    classifiers: [],
    author: '',
    author_email: '',
    maintainer: '',
    maintainer_email: '',
    requires_python: null,
    requires_dist: null,
    provides_extra: null,
    platform: '',
    dynamic: null,
    home_page: '',
    download_url: '',
    project_urls: null,
  })
})

test('addresses are split at the first comma, and what has none is left out', () => {
  const info = infoOf('Project-URL: Source , https://x.example/?a,b', 'Project-URL: https://y.example/')
  assert.deepEqual(info['project_urls'], { Source: 'https://x.example/?a,b' })
})

test('home page and download address are among the addresses, unless their labels are given', () => {
  const lines = ['Home-page: https://old.example/', 'Download-URL: https://d.example/']
  assert.deepEqual(infoOf(...lines, 'Project-URL: Homepage, https://new.example/')['project_urls'], {
    Homepage: 'https://new.example/',
    Download: 'https://d.example/',
  })
})

test('a label is only a label, also when it is called __proto__', () => {
  const info = infoOf('Project-URL: __proto__, https://x.example/')
  assert.equal(JSON.stringify(info['project_urls']), '{"__proto__":"https://x.example/"}')
})

test('a licence of several lines keeps them, without their indent', () => {
  assert.equal(
    infoOf('License: Line one', '        line two', '          deeper')['license'],
    'Line one\nline two\n  deeper',
  )
})

test('UNKNOWN is not told', () => {
  const info = infoOf('License: UNKNOWN', 'Author: UNKNOWN', 'Platform: UNKNOWN', 'Home-page: UNKNOWN')
  const { license, author, platform, home_page, project_urls } = info
  assert.deepEqual([license, author, platform, home_page, project_urls], [null, '', '', '', null])
})

test('a folded requirement is one line', () => {
  assert.deepEqual(infoOf('Requires-Dist: x (>=1,', '   <2)')['requires_dist'], ['x (>=1, <2)'])
})
