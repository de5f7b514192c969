/** A value that is still being written; whoever is handed it gets the readonly type. */
export type Writable<T> = { -readonly [K in keyof T]: T[K] };
