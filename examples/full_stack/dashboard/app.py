"""The page's entry: Streamlit runs it at each visit. See `__main__.py` to start it."""

import sys
from pathlib import Path

# So that `streamlit run …/app.py` works as well.
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import streamlit as st

from full_stack.dashboard import parts
from full_stack.dashboard.look import dress
from full_stack.dashboard.views.customers import customers
from full_stack.dashboard.views.inventory import inventory
from full_stack.dashboard.views.pipeline import pipeline
from full_stack.dashboard.views.products import products
from full_stack.dashboard.views.sales import sales

st.set_page_config(
    page_title="Les Caves d'Albert", page_icon="🍷", layout="wide", menu_items={}
)
dress()
with st.sidebar:
    parts.html(
        '<div class="ca-brand"><div class="name">Les Caves d&rsquo;Albert</div>'
        '<div class="line">Wine merchant, in figures</div></div>'
    )
st.navigation(
    {
        "The shop": [
            st.Page(sales, title="Sales", icon=":material/receipt_long:"),
            st.Page(customers, title="Customers", icon=":material/group:"),
            st.Page(inventory, title="Inventory", icon=":material/shelves:"),
            st.Page(products, title="Products", icon=":material/wine_bar:"),
        ],
        "Behind it": [
            st.Page(
                pipeline, title="Pipeline health", icon=":material/conversion_path:"
            )
        ],
    }
).run()
