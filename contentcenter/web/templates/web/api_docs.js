SwaggerUIBundle({ url: {{ spec_url|tojson }}, dom_id: "#docs", deepLinking: true, validatorUrl: null });
