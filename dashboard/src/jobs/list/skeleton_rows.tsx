// Rows that are on their way.

import { Skeleton } from "../../design/skeleton.tsx";

export function SkeletonRows({ count }: { readonly count: number }) {
  return (
    <div className="jobs-coming" role="status" aria-label="Reading the list">
      {Array.from({ length: count }, (_, place) => (
        <div className="job-row" key={place} style={{ position: "relative" }} aria-hidden="true">
          <span data-cell="status"><Skeleton width={84} /></span>
          <span className="job-row__main" data-cell="main"><Skeleton width={`${42 - (place % 4) * 7}%`} /><Skeleton width={`${58 - (place % 3) * 9}%`} height={10} /></span>
          <span data-cell="kind"><Skeleton width={64} height={12} /></span>
          <span data-cell="progress"><Skeleton width="100%" height={6} /></span>
          <span data-cell="duration"><Skeleton width={44} height={12} /></span>
          <span data-cell="created"><Skeleton width={60} height={12} /></span>
        </div>
      ))}
    </div>
  );
}
