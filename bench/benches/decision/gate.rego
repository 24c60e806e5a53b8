package gate

import rego.v1

decision := {"effect": "forbid", "by": forbids} if {
	count(forbids) > 0
} else := {"effect": "permit", "by": permits} if {
	count(permits) > 0
} else := {"effect": "none", "by": []}

permits contains permit.id if {
	some permit in data.permits[input.app]
	permit.group in input.principal.groups
	input.action in permit.actions
	holds(permit)
}

holds(permit) if {
	permit.managed
	input.device.managed
}

holds(permit) if input.now_ms < permit.until_ms

holds(permit) if input.session.auth_age_s <= permit.auth_age_s

holds(permit) if {
	startswith(input.request.path, permit.path)
	input.device.risk == "low"
}

patched_within(days) if input.device.patch_age_days <= days
