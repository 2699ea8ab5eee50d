// The place of a job that is on its way.

import { Page } from "../../design/page.tsx";
import { Skeleton } from "../../design/skeleton.tsx";

export function LoadingJob() {
  return (
    <Page>
      <div role="status" aria-label="Reading the job">
        <div className="job-head"><div className="job-head__text"><Skeleton width={70} height={16} /><Skeleton width={320} height={28} /><Skeleton width={240} height={18} /></div></div>
        <div className="job-meter"><div className="job-meter__line"><Skeleton width={180} /><Skeleton width={72} height={28} /></div><Skeleton width="100%" height={8} /><Skeleton width={260} /></div>
        <div className="job-columns"><div><Skeleton width="100%" height={220} /></div><div className="job-side"><Skeleton width="100%" height={160} /></div></div>
      </div>
    </Page>
  );
}
