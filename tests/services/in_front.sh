# Puts an haproxy in front of the web servers in HOSTS, which looks at a page of each of them.
# shellcheck shell=sh disable=SC2154 # HOSTS is set by whoever runs it
cat > /etc/haproxy/haproxy.cfg <<END
global
  stats socket /run/haproxy/admin.sock mode 660 level admin
defaults
  mode http
  timeout connect 1s
  timeout client 5s
  timeout server 5s
  retries 3
  option redispatch 1
frontend shop
  bind :80
  default_backend web
backend web
  option httpchk GET /
  retry-on conn-failure empty-response junk-response response-timeout
  default-server check inter 500ms fall 2 rise 1
$(for server in $HOSTS; do echo "  server $server $server:80"; done)
END
systemctl restart haproxy.service
