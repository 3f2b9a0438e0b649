/**
 * Fields that have a value; the others are left out, since `undefined` is no value in an object that travels.
 */
export const defined = <T extends object>(fields: { readonly [K in keyof T]: T[K] | undefined }): T =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as T;
