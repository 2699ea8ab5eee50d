// What is filled in: a label, a control, a hint, and what is wrong with it.

import "./field.css";
import { useId, type InputHTMLAttributes, type ReactNode, type Ref, type SelectHTMLAttributes, type TextareaHTMLAttributes } from "react";

import { Icon } from "./icon.tsx";

/** What a field's control has to carry, so that people who listen hear its label, hint and error. */
export interface ControlProps {
  readonly id: string;
  readonly "aria-describedby": string | undefined;
  readonly "aria-invalid": true | undefined;
}

interface FieldProps {
  readonly label: string;
  readonly hint?: ReactNode;
  /** What is wrong, and what to do. */
  readonly error?: string | undefined;
  /** The label is for people who listen; others see what it is. */
  readonly labelUnseen?: boolean;
  readonly children: (control: ControlProps) => ReactNode;
}

/** A labelled control: `<Field label="Name">{(control) => <Input {...control} … />}</Field>`. */
export function Field({ label, hint, error, labelUnseen = false, children }: FieldProps) {
  const id = useId();
  const described = [error !== undefined && `${id}-error`, hint !== undefined && `${id}-hint`].filter(Boolean).join(" ");
  return (
    <div className="field">
      <label className={labelUnseen ? "unseen" : "field__label"} htmlFor={id}>{label}</label>
      {children({ id, "aria-describedby": described === "" ? undefined : described, "aria-invalid": error === undefined ? undefined : true })}
      {error !== undefined && <p className="field__error" id={`${id}-error`} role="alert"><Icon name="error" size={14} />{error}</p>}
      {hint !== undefined && <p className="field__hint" id={`${id}-hint`}>{hint}</p>}
    </div>
  );
}

export function Input({ ref, ...rest }: InputHTMLAttributes<HTMLInputElement> & { readonly ref?: Ref<HTMLInputElement> }) {
  return <input {...rest} ref={ref} className="input" />;
}

export function Select(rest: SelectHTMLAttributes<HTMLSelectElement>) {
  return <select {...rest} className="input" />;
}

export function TextArea(rest: TextareaHTMLAttributes<HTMLTextAreaElement>) {
  return <textarea {...rest} className="input" />;
}

/** A box to tick, with its words. */
export function Check({ children, ...rest }: InputHTMLAttributes<HTMLInputElement>) {
  return <label className="check"><input type="checkbox" {...rest} /><span>{children}</span></label>;
}
