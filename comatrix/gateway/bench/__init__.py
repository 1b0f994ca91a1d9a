"""`make bench`: what a message costs the gateway, beside other CoAP servers under the same load in the same run."""
