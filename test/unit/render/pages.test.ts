import assert from 'node:assert/strict'
import { test } from 'node:test'
import { errorPage, unknownWelcomeVariable, welcomePage, welcomePageFrom } from '#src/render/pages.js'

test('the welcome page has the lines to copy', () => {
  const page = welcomePage({ url: 'https://host/pypi/', version: '1.2.3', fileCount: 7 })
  assert.match(page, /serving 7 packages/)
  assert.match(page, /pip install --index-url https:\/\/host\/pypi\/simple\/ PACKAGE/)
  assert.match(page, /twine upload --repository-url https:\/\/host\/pypi\/ dist/)
  assert.match(page, /running version 1\.2\.3/)
})

test('pip is told to trust a host without TLS, by its name alone', () => {
  const page = welcomePage({ url: 'http://host:8080/', version: '1', fileCount: 0 })
  assert.match(page, /<code>--trusted-host host<\/code>/)
  assert.doesNotMatch(welcomePage({ url: 'https://host/', version: '1', fileCount: 0 }), /trusted-host/)
})

test('an error page has its message escaped', () => {
  const page = errorPage(404, 'Not Found', 'no project <b>"x"</b> & more')
  assert.match(page, /<title>Error: 404 Not Found<\/title>/)
  assert.match(page, /<p>no project &#60;b&#62;&#34;x&#34;&#60;\/b&#62; &#38; more<\/p>/)
})

test('a template with braces that nothing closes and many blanks is read at once', () => {
  const template = `{{ URL }}{{${' '.repeat(3000)}${'\n'.repeat(3000)}`
  const facts = { url: 'http://x/', version: '1', fileCount: 0 }
  const startedMs = performance.now()
  assert.equal(unknownWelcomeVariable(template), undefined)
  assert.equal(welcomePageFrom(template, facts), template.replace('{{ URL }}', 'http://x/'))
  assert.ok(performance.now() - startedMs < 2000)
})
