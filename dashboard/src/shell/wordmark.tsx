// The sign and the name.

export function Wordmark({ href }: { readonly href: string }) {
  return (
    <a className="wordmark" href={href} aria-label="Headway, all jobs">
      <svg viewBox="0 0 20 20" width="20" height="20" fill="none" stroke="currentColor" strokeWidth="2.6" strokeLinecap="round" aria-hidden="true">
        <path d="M2.5 15.5h3M2.5 10h6.5M2.5 4.5h4" opacity="0.38" />
        <path d="M9 15.5h8.5M12.5 10h5M10.5 4.5h7" />
      </svg>
      <span>Headway</span>
    </a>
  );
}
