"""The page's entry: Streamlit runs it at each visit. See `__main__.py` to start it."""

import streamlit as st

from full_stack.dashboard import parts
from full_stack.dashboard.look import dress
from full_stack.dashboard.views.customers import customers
from full_stack.dashboard.views.inventory import inventory
from full_stack.dashboard.views.pipeline import pipeline
from full_stack.dashboard.views.products import products
from full_stack.dashboard.views.sales import sales

BRAND = (
    '<div class="ca-brand"><div class="name">Les Caves d&rsquo;Albert</div>'
    '<div class="line">Wine merchant, in figures</div></div>'
)

st.set_page_config(
    page_title="Les Caves d'Albert", page_icon="🍷", layout="wide", menu_items={}
)
dress()
shop = [
    st.Page(sales, title="Sales", icon=":material/receipt_long:"),
    st.Page(customers, title="Customers", icon=":material/group:"),
    st.Page(inventory, title="Inventory", icon=":material/shelves:"),
    st.Page(products, title="Products", icon=":material/wine_bar:"),
]
behind = [
    st.Page(pipeline, title="Pipeline health", icon=":material/conversion_path:"),
]
with st.sidebar:
    parts.html(BRAND)
here = st.navigation({"The shop": shop, "Behind it": behind})
# A narrow screen has no room for a side that covers what it leads to; the style sheet
# shows one or the other.
with st.container(key="ca-top"):
    parts.html(BRAND)
    with st.container(key="ca-ways", horizontal=True, gap="small"):
        for each in (*shop, *behind):
            with st.container(key=f"ca-{'here' if each == here else each.url_path}"):
                st.page_link(each, label=each.title.split()[0], icon=None)
here.run()
