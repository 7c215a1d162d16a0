"""What whoever loads pictures can do about each reason for which one is rejected: at most 80 characters, for tables."""

from matcher.domain.rejection import Reason

_LIMIT = "or see what the policy's limit does: matcher bench quality"
ADVICE = {
    Reason.UNREADABLE: "open it in a picture program and save it anew as JPEG or PNG",
    Reason.TOO_LARGE: "scale it down or compress it more",
    Reason.NOT_A_PICTURE: "save the picture as JPEG or PNG",
    Reason.FORMAT_NOT_INSTALLED: "pip install 'watchlist-matcher[heic]', or save it as JPEG",
    Reason.SEVERAL_FRAMES: "save the one picture that is meant as a file of its own",
    Reason.NOT_A_FILE: "copy the file itself: links, folders and devices are not followed",
    Reason.MISSING_FILE: "check the path in the manifest: it is relative to the manifest",
    Reason.NO_FACE: "take one in which the face is larger, upright and seen from the front",
    Reason.SEVERAL_FACES: "crop it to the one person who is meant",
    Reason.FACE_TOO_SMALL: "take a larger original: enlarging it adds nothing",
    Reason.BLURRED: f"take a sharper one, {_LIMIT}",
    Reason.EXTREME_POSE: "take one that is seen more from the front and not tilted",
    Reason.TOO_DARK: f"take a lighter one, {_LIMIT}",
    Reason.TOO_BRIGHT: f"take a darker one, {_LIMIT}",
    Reason.LOW_CONTRAST: f"take another, {_LIMIT}",
    Reason.UNDER_EXPOSED: f"take a lighter one, {_LIMIT}",
    Reason.OVER_EXPOSED: f"take a darker one, {_LIMIT}",
    Reason.UNEVEN_LIGHT: "take one that is lit evenly from the front",
    Reason.INCOMPLETE_FACE: "take one that shows the whole face",
    Reason.EYES_COVERED: "take one without dark glasses or anything before the eyes",
    Reason.MOUTH_COVERED: "take one without a mask, scarf or hand before the mouth",
    Reason.WEAK_FEATURES: f"take another, {_LIMIT}",
    Reason.NO_TEMPLATE: "take another picture of this person",
    Reason.NEARER_TO_ANOTHER: "check whose picture it is; if it is right, take another",
    Reason.UNDER_TWO_SUBJECTS: "keep it under the subject_id of the person it shows",
}
