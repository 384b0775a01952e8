// As much of the older versions as the tests use is as in the newer ones.
declare module 'express4' {
  export { default } from 'express'
}
declare module 'koa2' {
  export { default } from 'koa'
}
