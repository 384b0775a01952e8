import assert from 'node:assert/strict'
import { test } from 'node:test'
import { escapeHtml, html, htmlPage, onOneLine } from '#src/render/html.js'

test('the characters that mean something in markup are escaped', () => {
  assert.equal(escapeHtml(`<a b="c" d='e'>&amp;`), '&#60;a b=&#34;c&#34; d=&#39;e&#39;&#62;&#38;amp;')
})

test('other characters stay as they are', () => {
  assert.equal(escapeHtml('a/b+c=d`é日😀\n'), 'a/b+c=d`é日😀\n')
})

test('text in a template is escaped, in elements and in attributes', () => {
  const text = `"><script>'&`
  assert.equal(
    html`<a title="${text}">${text}</a>`.markup,
    '<a title="&#34;&#62;&#60;script&#62;&#39;&#38;">&#34;&#62;&#60;script&#62;&#39;&#38;</a>',
  )
})

test('markup in a template is not escaped again', () => {
  const rows = ['<', '>'].map((text) => html`<li>${text}</li>`)
  assert.equal(html`<ul>${rows}</ul>${html`<br>`}`.markup, '<ul><li>&#60;</li><li>&#62;</li></ul><br>')
})

test('numbers are written out, absent values leave nothing', () => {
  assert.equal(html`${0}/${1.5}/${undefined}/${false}/${''}/${[]}`.markup, '0/1.5////')
})

test('a page has its title escaped and its head before it', () => {
  assert.equal(
    htmlPage('a<b', html`<p>${'&'}</p>\n`, [html`<meta name="x">\n`, html`<meta name="y">\n`]),
    [
      '<!DOCTYPE html>',
      '<html lang="en">',
      '<head>',
      '<meta charset="utf-8">',
      '<meta name="viewport" content="width=device-width, initial-scale=1">',
      '<meta name="x">',
      '<meta name="y">',
      '<title>a&#60;b</title>',
      '</head>',
      '<body>',
      '<p>&#38;</p>',
      '</body>',
      '</html>',
      '',
    ].join('\n'),
  )
})

test('line breaks are written as references where text is to stay on one line', () => {
  assert.equal(html`<a title="${onOneLine('<one>\r\ntwo')}">`.markup, '<a title="&#60;one&#62;&#13;&#10;two">')
})
