import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseIndexAddress } from '#src/cli/update-index.js'
import { pipCommandLine } from '#src/cli/update-pip.js'

const index = parseIndexAddress('https://pypi.org/simple/')

test('the pip command is printed as pypiserver prints it', () => {
  const download = { project: 'raven', version: '1.4.4', directory: '/srv/packages' }
  assert.equal(
    pipCommandLine(download, index),
    'pip -q download --no-deps -i https://pypi.org/simple -d /srv/packages raven==1.4.4',
  )
})

test('what a shell would read otherwise is quoted', () => {
  const download = { project: 'demo', version: '1!2.0', directory: "/srv/it's mine; $(rm)" }
  assert.equal(
    pipCommandLine(download, index),
    `pip -q download --no-deps -i https://pypi.org/simple -d '/srv/it'\\''s mine; $(rm)' 'demo==1!2.0'`,
  )
})

test('the password of the index is not in the printed command', () => {
  const secret = parseIndexAddress('https://ann:s%40cret@index.example/root/')
  const line = pipCommandLine({ project: 'demo', version: '1.0', directory: '/srv' }, secret)
  assert.equal(line, 'pip -q download --no-deps -i https://index.example/root -d /srv demo==1.0')
})

for (const text of ['', 'pypi.org/simple', 'ftp://ann:secret@host/', 'https://', 'https://host/?x=1']) {
  test(`${JSON.stringify(text)} is refused as an index, without repeating it`, () => {
    assert.throws(
      () => parseIndexAddress(text),
      (error: Error & { code?: string }) => error.code === 'ERR_PYPI_CONFIG' && !error.message.includes('secret'),
    )
  })
}
