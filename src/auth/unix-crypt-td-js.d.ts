/** The traditional crypt(3): bytes in, the thirteen characters out. Strings are accepted but broken above U+007F. */
declare module 'unix-crypt-td-js' {
  function unixCrypt(password: readonly number[], salt: string): string
  export = unixCrypt
}
