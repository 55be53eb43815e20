"""Roles as others write them, to be converted as the guide says: their constructs, in words of our own.

Of kolla: services as a mapping, modules and filters beside ``roles/``, files by action, roles that roles include, a
notify with a template, handlers that only make groups, look-ups once for all on the controller, blocks that run once
elsewhere. Of Galaxy's nginx: variables by distribution, files that are included under conditions, names without FQCN.
"""

from __future__ import annotations

MODULE = """\
from ansible.module_utils.basic import AnsibleModule


def main():
    AnsibleModule(argument_spec={}).exit_json()


main()
"""
FILTERS = """\
class FilterModule:
    def filters(self):
        return {"service_enabled_and_mapped_to_host": bool, "select_services_enabled_and_mapped_to_host": dict}
"""

KOLLA = {
    "library/kolla_container.py": MODULE,
    "library/kolla_container_facts.py": MODULE,
    "library/kolla_toolbox.py": MODULE,
    "library/merge_configs.py": MODULE,
    "filter_plugins/services.py": FILTERS,
    # --- Roles that the others use ---
    "roles/service-precheck/tasks/main.yml": """\
        ---
        - name: "The inventory has the groups of {{ project_name }}"
          vars: {service: "{{ item.value }}"}
          fail: {msg: "{{ service.group }} is missing"}
          loop: "{{ query('dict', service_precheck_services) }}"
          when: service.group not in groups

        - name: Look into those of several
          include_tasks: each.yml
          loop: "{{ query('dict', service_precheck_services) }}"
          loop_control: {loop_var: outer_item}
        """,
    "roles/service-precheck/tasks/each.yml": "---\n- debug: {var: outer_item}\n",
    "roles/service-images-pull/tasks/main.yml": """\
        ---
        - name: "{{ service_name }} | Pull images"
          kolla_container: {action: pull_image, image: "{{ item.value.image }}"}
          with_dict: "{{ service_images | select_services_enabled_and_mapped_to_host }}"
          register: result
          until: result is success
        """,
    "roles/service-check-containers/tasks/main.yml": """\
        ---
        - name: "{{ kolla_role_name }} | Check containers"
          kolla_container: {action: compare_container, name: "{{ item.value.container_name }}"}
          with_dict: "{{ check_services | select_services_enabled_and_mapped_to_host }}"
          notify: "Restart {{ item.key }} container"
        """,
    "roles/service-uwsgi-config/tasks/main.yml": """\
        ---
        - template: {src: uwsgi.ini.j2, dest: "/etc/kolla/{{ service_name }}/uwsgi.ini", mode: "0660"}
        """,
    # --- memcached ---
    "roles/memcached/defaults/main.yml": """\
        ---
        memcached_services:
          memcached: {container_name: memcached, group: memcached, enabled: true, image: "{{ docker_url }}/memcached"}
        """,
    "roles/memcached/vars/main.yml": "---\nproject_name: memcached\n",
    "roles/memcached/handlers/main.yml": """\
        ---
        - name: Restart memcached container
          vars: {service: "{{ memcached_services.memcached }}"}
          become: true
          kolla_container: {action: recreate_or_restart_container, name: "{{ service.container_name }}"}
          when: kolla_action != "config"
        """,
    "roles/memcached/tasks/precheck.yml": """\
        ---
        - import_role: {name: service-precheck}
          vars: {service_precheck_services: "{{ memcached_services }}"}

        - name: Ask for containers
          become: true
          kolla_container_facts: {action: get_containers, name: [memcached]}
          check_mode: false
          register: container_facts

        - name: The port is free where there is no container yet
          wait_for: {host: "{{ api_address }}", port: 11211, timeout: 1, state: stopped}
          when:
            - container_facts.containers['memcached'] is not defined
            - inventory_hostname in groups['memcached']
        """,
    "roles/memcached/tasks/pull.yml": """\
        ---
        - import_role: {role: service-images-pull}
          vars: {service_images: "{{ memcached_services }}", service_name: memcached}
        """,
    "roles/memcached/tasks/config.yml": """\
        ---
        - name: Folders
          file: {path: "/etc/kolla/{{ item.key }}", state: directory, mode: "0770"}
          become: true
          with_dict: "{{ memcached_services | select_services_enabled_and_mapped_to_host }}"
          notify: Restart memcached container

        - name: Configuration
          vars: {service: "{{ memcached_services['memcached'] }}"}
          template: {src: "{{ item }}", dest: /etc/kolla/memcached/config.json, mode: "0660"}
          become: true
          with_first_found:
            - "{{ node_custom_config }}/memcached/{{ inventory_hostname }}/config.json"
            - memcached.json.j2
          when: service | service_enabled_and_mapped_to_host
          notify:
            - Restart memcached container
        """,
    "roles/memcached/tasks/check-containers.yml": """\
        ---
        - import_role: {name: service-check-containers}
          vars: {check_services: "{{ memcached_services }}", kolla_role_name: memcached}
        """,
    "roles/memcached/tasks/upgrade.yml": "---\n- import_tasks: config.yml\n- import_tasks: check-containers.yml\n",
    "roles/memcached/tasks/main.yml": '---\n- include_tasks: "{{ kolla_action }}.yml"\n',
    # --- rabbitmq ---
    "roles/rabbitmq/defaults/main.yml": """\
        ---
        rabbitmq_services: {rabbitmq: {container_name: rabbitmq, group: rabbitmq}}
        """,
    "roles/rabbitmq/vars/main.yml": "---\nproject_name: rabbitmq\n",
    "roles/rabbitmq/handlers/main.yml": """\
        ---
        - name: Restart rabbitmq container
          group_by: {key: "{{ project_name }}_restart"}
        """,
    "roles/rabbitmq/tasks/precheck.yml": """\
        ---
        - import_role: {name: service-precheck}
          vars: {service_precheck_services: "{{ rabbitmq_services }}"}

        - name: Ask for containers
          become: true
          kolla_container_facts: {action: get_containers, name: [rabbitmq]}
          register: container_facts

        - name: The port is free where there is no container yet
          wait_for: {host: "{{ api_address }}", port: 5672, timeout: 1, state: stopped}
          when: container_facts.containers['rabbitmq'] is not defined

        - name: Every member has an address
          command: "getent ahostsv4 {{ hostvars[item].ansible_facts.hostname }}"
          changed_when: false
          register: rabbitmq_hostnames
          with_items: "{{ groups['rabbitmq'] }}"

        - name: And one only
          fail: {msg: "Names must resolve to one address"}
          with_subelements: ["{{ rabbitmq_hostnames.results }}", stdout_lines]
          when: not item.1 is match('^' + ('api' | string))

        - name: There is a certificate
          vars:
            cert: "{{ query('first_found', paths, errors='ignore') }}"
            paths: ["/etc/kolla/certificates/{{ inventory_hostname }}.pem"]
          fail: {msg: No certificate}
          when: [rabbitmq_enable_tls | bool, cert | length == 0]
        """,
    "roles/rabbitmq/tasks/version-check.yml": """\
        ---
        - name: From here to there
          delegate_to: "{{ groups['rabbitmq'] | first }}"
          run_once: true
          tags: rabbitmq-version-check
          vars: {service: "{{ rabbitmq_services['rabbitmq'] }}"}
          block:
            - name: Ask for containers
              kolla_container_facts: {action: get_containers, name: ["{{ service.container_name }}"]}
              register: container_facts

            - when: container_facts.containers[service.container_name] is defined
              block:
                - name: Ask the present one
                  command: "docker exec {{ service.container_name }} rabbitmqctl --version"
                  register: rabbitmq_version_current
                  changed_when: false

                - name: Ask the new one
                  kolla_container: {action: start_container, command: rabbitmqctl --version, detach: false}
                  register: rabbitmq_version_new
                  failed_when: false # one that does not start has no version to compare
                  check_mode: false

                - set_fact:
                    rabbitmq_current: "{{ rabbitmq_version_current.stdout | trim }}"
                    rabbitmq_new: "{{ rabbitmq_version_new.stdout | trim }}"

                - assert: {that: "rabbitmq_current is version(rabbitmq_new, 'le', version_type='semver')"}
        """,
    "roles/rabbitmq/tasks/pull.yml": "---\n- import_role: {role: service-images-pull}\n",
    "roles/rabbitmq/tasks/config.yml": """\
        ---
        - name: Configuration
          template: {src: "{{ item }}", dest: /etc/kolla/rabbitmq/rabbitmq.conf, mode: "0660"}
          become: true
          with_first_found: ["{{ node_custom_config }}/rabbitmq.conf", rabbitmq.conf.j2]
          notify: [Restart rabbitmq container]

        - include_tasks: copy-certs.yml
          when: rabbitmq_copy_certs | bool
        """,
    "roles/rabbitmq/tasks/copy-certs.yml": "---\n- copy: {src: cert.pem, dest: /etc/kolla/rabbitmq/, mode: '0660'}\n",
    "roles/rabbitmq/tasks/restart_services.yml": """\
        ---
        - name: Ask for the container
          become: true
          kolla_container_facts: {action: get_containers, name: rabbitmq}
          register: container_info

        - name: Drain it
          kolla_toolbox: {module_name: community.rabbitmq.rabbitmq_upgrade, module_args: {action: drain}}
          become: true
          when: container_info.containers | length > 0

        - name: Restart it
          vars: {service: "{{ rabbitmq_services['rabbitmq'] }}"}
          become: true
          kolla_container: {action: recreate_or_restart_container, name: "{{ service.container_name }}"}

        - name: Wait for it
          become: true
          command: docker exec rabbitmq rabbitmqctl wait --timeout 60 /var/lib/rabbitmq/mnesia/rabbitmq.pid
        """,
    "roles/rabbitmq/tasks/feature-flags.yml": """\
        ---
        - name: Enable all stable ones
          command: docker exec rabbitmq rabbitmqctl enable_feature_flag all
          become: true
          changed_when: false
        """,
    # --- nova ---
    "roles/nova/defaults/main.yml": """\
        ---
        nova_services:
          nova-api: {container_name: nova_api, group: nova-api, enabled: true, image: "{{ docker_url }}/nova-api"}
          nova-scheduler: {container_name: nova_scheduler, group: nova-scheduler, image: "{{ docker_url }}/scheduler"}
        """,
    "roles/nova/vars/main.yml": "---\nproject_name: nova\n",
    "roles/nova/handlers/main.yml": """\
        ---
        - name: Restart nova-api container
          vars: {service_name: nova-api, service: "{{ nova_services[service_name] }}"}
          become: true
          kolla_container: {action: recreate_or_restart_container, name: "{{ service.container_name }}"}
          when: kolla_action != "config"

        - name: Restart nova-scheduler container
          vars: {service_name: nova-scheduler, service: "{{ nova_services[service_name] }}"}
          become: true
          kolla_container: {action: recreate_or_restart_container, name: "{{ service.container_name }}"}
          when: kolla_action != "config"
        """,
    "roles/nova/tasks/precheck.yml": """\
        ---
        - import_role: {name: service-precheck}
          vars: {service_precheck_services: "{{ nova_services }}"}

        - name: Ask for containers
          become: true
          kolla_container_facts: {action: get_containers, name: [nova_api, nova_libvirt]}
          register: container_facts

        - name: libvirt does not run beside its container
          stat: path=/var/run/libvirt/libvirt-sock
          register: result
          failed_when: result.stat.exists
          when: container_facts.containers['nova_libvirt'] is not defined
        """,
    "roles/nova/tasks/pull.yml": "---\n- import_role: {role: service-images-pull}\n",
    "roles/nova/tasks/config.yml": """\
        ---
        - name: Folders
          become: true
          file: {path: "/etc/kolla/{{ item.key }}", state: directory, mode: "0770"}
          with_dict: "{{ nova_services | select_services_enabled_and_mapped_to_host }}"

        - name: See which policy there is
          stat: {path: "{{ item }}"}
          delegate_to: localhost
          run_once: True
          register: nova_policy
          with_first_found:
            - {files: [policy.yaml, policy.json], paths: ["{{ node_custom_config }}/nova/"], skip: true}

        - name: Keep its name
          set_fact:
            nova_policy_file: "{{ nova_policy.results.0.stat.path | basename }}"
            nova_policy_file_path: "{{ nova_policy.results.0.stat.path }}"
          when: nova_policy.results | length > 0

        - name: See whether there is vendordata
          stat: {path: "{{ node_custom_config }}/nova/vendordata.json"}
          delegate_to: localhost
          run_once: True
          register: vendordata_file

        - name: Keep where it is
          set_fact: {vendordata_file_path: "{{ vendordata_file.stat.path }}"}
          when: vendordata_file.stat.exists

        - name: Configuration
          become: true
          vars: {service_name: "{{ item.key }}"}
          merge_configs:
            sources: ["{{ role_path }}/templates/nova.conf.j2", "{{ node_custom_config }}/nova.conf"]
            dest: "/etc/kolla/{{ item.key }}/nova.conf"
          with_dict: "{{ nova_services | select_services_enabled_and_mapped_to_host }}"
          notify: "Restart {{ item.key }} container"

        - name: Policy
          become: true
          template: {src: "{{ nova_policy_file_path }}", dest: "/etc/kolla/{{ item.key }}/{{ nova_policy_file }}"}
          when: nova_policy_file is defined
          with_dict: "{{ nova_services | select_services_enabled_and_mapped_to_host }}"

        - name: Vendordata
          copy: {src: "{{ vendordata_file_path }}", dest: "/etc/kolla/{{ item }}/vendordata.json", mode: "0660"}
          when: vendordata_file_path is defined
          loop: [nova-api]

        - name: "Configure uWSGI"
          include_role: {name: service-uwsgi-config}
          vars: {service_name: "{{ item.name }}"}
          loop: [{name: nova-api, port: 8774}]
        """,
    "roles/nova/tasks/check-containers.yml": """\
        ---
        - import_role: {name: service-check-containers}
          vars: {check_services: "{{ nova_services }}", kolla_role_name: nova}
        """,
    "roles/nova/tasks/bootstrap_service.yml": """\
        ---
        - name: Migrate
          become: true
          vars: {nova_api: "{{ nova_services['nova-api'] }}"}
          kolla_container: {action: start_container, detach: False, image: "{{ nova_api.image }}", name: nova_db}
          register: bootstrap_result
          changed_when: bootstrap_result.stdout | default("") | length > 0
          run_once: true
        """,
    "roles/nova/tasks/online_data_migrations.yml": """\
        ---
        - name: Migrate what may change under running services
          become: true
          vars: {nova_api: "{{ nova_services['nova-api'] }}"}
          kolla_container: {action: start_container, detach: false, image: "{{ nova_api.image }}", name: nova_osm}
          run_once: true
          delegate_to: "{{ groups[nova_api.group][0] }}"
        """,
}

GALAXY = {
    "roles/geerlingguy.nginx/meta/main.yml": "---\ndependencies: []\ngalaxy_info: {role_name: nginx}\n",
    "roles/geerlingguy.nginx/meta/.galaxy_install_info": "version: 3.0.0\n",
    "roles/geerlingguy.nginx/defaults/main.yml": """\
        ---
        nginx_package_name: "nginx"
        nginx_service_state: started
        nginx_service_enabled: true
        nginx_vhosts: []
        nginx_ppa_use: false
        """,
    "roles/geerlingguy.nginx/vars/Debian.yml": "---\n__nginx_user: www-data\nnginx_vhost_path: /etc/nginx/sites\n",
    "roles/geerlingguy.nginx/handlers/main.yml": """\
        ---
        - name: restart nginx
          service: name=nginx state=restarted

        - name: validate nginx configuration
          command: nginx -t -c /etc/nginx/nginx.conf
          changed_when: false

        - name: reload nginx
          service: name=nginx state=reloaded
          when: nginx_service_state == "started"
        """,
    "roles/geerlingguy.nginx/tasks/main.yml": """\
        ---
        - name: Variables of the distribution
          include_vars: "{{ ansible_facts.os_family }}.yml"

        - name: Define nginx_user.
          set_fact: {nginx_user: "{{ __nginx_user }}"}
          when: nginx_user is not defined

        - include_tasks: setup-RedHat.yml
          when: ansible_facts.os_family == 'RedHat' or ansible_facts.os_family == 'Rocky'

        - include_tasks: setup-Ubuntu.yml
          when: ansible_facts.distribution == 'Ubuntu'

        - include_tasks: setup-Debian.yml
          when: ansible_facts.os_family == 'Debian'

        - import_tasks: vhosts.yml

        - name: Configuration
          template: {src: "{{ nginx_conf_template }}", dest: "{{ nginx_conf_file_path }}", mode: 0644}
          notify:
            - reload nginx

        - name: Ensure nginx service is running as configured.
          service:
            name: nginx
            state: "{{ nginx_service_state }}"
            enabled: "{{ nginx_service_enabled }}"
        """,
    "roles/geerlingguy.nginx/tasks/setup-Ubuntu.yml": """\
        ---
        - name: Ensure dirmngr is installed.
          apt: {name: dirmngr, state: present}

        - name: Add the PPA
          apt_repository: {repo: 'ppa:ondrej/nginx', update_cache: true}
          register: nginx_ppa_added
          when: nginx_ppa_use | bool

        - name: Reinstall it if that was just added
          apt: {name: "{{ nginx_package_name }}", state: absent}
          when: nginx_ppa_added is changed
          tags: ['skip_ansible_lint']
        """,
    "roles/geerlingguy.nginx/tasks/setup-Debian.yml": """\
        ---
        - name: Update apt cache.
          apt: update_cache=yes cache_valid_time=86400
          changed_when: false

        - name: Ensure nginx is installed.
          apt: {name: "{{ nginx_package_name }}", state: present}
        """,
    "roles/geerlingguy.nginx/tasks/setup-RedHat.yml": "---\n- yum: name=nginx state=present\n",
    "roles/geerlingguy.nginx/tasks/vhosts.yml": """\
        ---
        - name: Vhosts
          template: {src: vhost.j2, dest: "{{ nginx_vhost_path }}/{{ item.filename }}", force: yes, mode: 0644}
          when: item.state|default('present') != 'absent'
          with_items: "{{ nginx_vhosts }}"
          notify: reload nginx
          tags:
            - skip_ansible_lint
        """,
}
