declare const brand: unique symbol

/** A base name that {@link parseFilename} accepts. Branded: holding one proves that it was checked. */
export type DistributionFilename = string & { readonly [brand]: 'DistributionFilename' }
